"""Scans the files of a folder with picklescan. Usage: scan_pickles.py FOLDER

Prints a JSON object: for each file, how many pickles were found in it and the globals that are not known to be harmless.
"""
import json
import os
import sys

from picklescan.scanner import SafetyLevel, scan_file_path

folder = sys.argv[1]
report = {}
for name in sorted(os.listdir(folder)):
    result = scan_file_path(os.path.join(folder, name))
    report[name] = {
        "pickles": result.scanned_files,
        "failed": result.scan_err,
        "issues": result.issues_count,
        "globals": sorted(
            f"{each.module}.{each.name}" for each in result.globals if each.safety != SafetyLevel.Innocuous),
    }
json.dump(report, sys.stdout)
