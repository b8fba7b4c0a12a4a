"""Runs the Python programs of the tests, each in a process of its own that has torch and transformers loaded already.

Loading them takes seconds of processor time, and the tests run Python some hundred times. A connection to descriptor 3, a
listening socket, asks for one program with a line of JSON: `script` (a path) or `code`, `arguments`, `output` and
`errors` (files that it writes to). The answer is the exit status, or 128 plus the number of the signal
that ended the program. The server ends with the process that started it.
"""

import atexit, json, os, select, socket, sys, threading, traceback, types

sys.dont_write_bytecode = True
# Threads of torch that wait must not spin: other tests need the processors.
os.environ.update(PYTHONDONTWRITEBYTECODE="1", HF_HUB_OFFLINE="1", OMP_WAIT_POLICY="passive")

import numpy, safetensors.torch, torch
from transformers import MambaConfig, MambaForCausalLM

LISTENER = 3


def request_of(connection):
    with connection.makefile("rb") as stream:
        return json.loads(stream.readline())


def wait_for(child):
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status if status >= 0 else 128 - status


def next_request(tests):
    """Answers the requests of the process `tests`, and returns in each process that is to be a program."""
    listener = socket.socket(fileno=LISTENER)
    answering = set()
    while os.getppid() == tests:
        if not select.select([listener], [], [], 1)[0]:
            continue
        connection, _ = listener.accept()
        answering = {process for process in answering if os.waitpid(process, os.WNOHANG)[0] == 0}
        answerer = os.fork()
        if answerer:
            connection.close()
            answering.add(answerer)
            continue
        listener.close()
        request = request_of(connection)
        program = os.fork()
        if program:
            connection.sendall(str(wait_for(program)).encode())
            os._exit(0)
        connection.close()
        return request
    os._exit(0)


def become(request):
    for descriptor, name in ((1, "output"), (2, "errors")):
        file = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, descriptor)
        os.close(file)
    script = request.get("script")
    # So that ps, and the kernel's accounting, tell the programs apart.
    with open("/proc/self/comm", "w") as name:
        name.write(os.path.basename(script or "code"))
    sys.argv = [script or "-c", *request["arguments"]]
    sys.path[0] = os.path.dirname(script) if script else ""
    main = types.ModuleType("__main__")
    if script:
        main.__file__ = script
    sys.modules["__main__"] = main
    source = request.get("code") or open(script).read()
    return compile(source, script or "<string>", "exec"), main.__dict__


def status_of(program):
    try:
        exec(*program)
        return 0
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    return 1


status = status_of(become(next_request(os.getppid())))
# What Python does at the end of a program, but for freeing all that the libraries hold: it would take longer than most programs.
threading._shutdown()
atexit._run_exitfuncs()
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)
