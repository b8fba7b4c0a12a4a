"""Draws the loss curves of training logs. Usage: plot.py OUTPUT.png NAME=training.json ...   (pip install matplotlib)

Logs of train.py are drawn over the bytes seen; those of the other runs over steps, a curve for each loss."""
import json
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(8, 4.5), dpi=100)
for argument in sys.argv[2:]:
    name, path = argument.split("=", 1)
    with open(path) as file:
        log = json.load(file)
    if isinstance(log["curve"][0], list):
        scale = log["batch"] * log["length"] / 1e6
        axes.plot([step * scale for step, _ in log["curve"]], [loss for _, loss in log["curve"]], linewidth=0.9, label=name)
        axes.set(xlabel="million bytes seen", ylabel="training loss, bits per byte", ylim=(1.2, 3.5))
        continue
    for loss in sorted({key for point in log["curve"] for key in point} - {"step"}):
        points = [(point["step"], point[loss]) for point in log["curve"] if loss in point]
        axes.plot(*zip(*points), linewidth=0.9, label=f"{name}: {loss}")
    axes.set(xlabel="steps", ylabel="training loss", yscale="log")
axes.grid(alpha=0.3)
axes.legend()
figure.tight_layout()
figure.savefig(sys.argv[1], metadata={"Software": None})
