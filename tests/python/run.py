"""Runs the tests of the Python module: run.py MODULE_FOLDER [TEST_FILE...].

MODULE_FOLDER has primal/ with its compiled part, and is empty text where the build has none. Where this interpreter lacks PyTorch, the tests
that need it run in the system's, if the module was compiled for a Python of that version. Skipped (77), with the reason, where something
that they need is not installed.
"""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
NEED_TORCH = ("test_torch.py", "test_converter.py")
SYSTEM = "/usr/bin/python3"


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def has(python, folder, *modules):
    code = "import " + ", ".join(modules)
    return subprocess.run([python, "-c", code], env=environment(python, folder), capture_output=True).returncode == 0


def environment(python, folder):
    """PYTHONPATH goes to this interpreter alone: packages for it may not fit the system's."""
    rest = os.environ.get("PYTHONPATH", "") if python == sys.executable else ""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in (folder, rest) if p), "PYTHONDONTWRITEBYTECODE": "1"}


def main():
    folder, names = sys.argv[1], sys.argv[2:] or sorted(p.name for p in HERE.glob("test_*.py"))
    if not folder:
        skip("the build has no Python module: it needs python3-dev and nanobind (PRIMAL_PYTHON, docs/python.md)")
    python, needed = sys.executable, ["numpy", "pytest", "primal"]
    if any(name in NEED_TORCH for name in names):
        needed.append("torch")
        if not has(python, folder, *needed) and has(SYSTEM, folder, *needed):
            python = SYSTEM
    for module in needed:
        if not has(python, folder, module):
            skip(f"{module} cannot be imported in {python}" + (f" or {SYSTEM}" if module == "torch" else ""))
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(HERE / name) for name in names)]
    sys.exit(subprocess.run(command, env=environment(python, folder), cwd=HERE).returncode)


if __name__ == "__main__":
    main()
