"""Runs the tests of the Python module: run.py MODULE_FOLDER [TEST_FILE...].

MODULE_FOLDER has primal/ with its compiled part, and is empty text where the build has none. Where this interpreter lacks PyTorch, the tests
that use it run in the system's, if the module was compiled for a Python of that version. Skipped (77), with the reason, where something
that they need is not installed.
"""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
NEED_TORCH = ("test_torch.py", "test_converter.py")
USE_TORCH = ("test_notebooks.py", "test_docs.py")  # run without it as well, and then skip a part
SYSTEM = "/usr/bin/python3"


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def has(python, folder, *modules):
    if not modules:
        return True
    code = "import " + ", ".join(modules)
    return subprocess.run([python, "-c", code], env=environment(python, folder), capture_output=True).returncode == 0


def environment(python, folder):
    """PYTHONPATH goes to this interpreter alone: packages for it may not fit the system's."""
    rest = os.environ.get("PYTHONPATH", "") if python == sys.executable else ""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in (folder, rest) if p), "PYTHONDONTWRITEBYTECODE": "1"}


def main():
    folder, names = sys.argv[1] and os.path.abspath(sys.argv[1]), sys.argv[2:] or sorted(p.name for p in HERE.glob("test_*.py"))
    if not folder:
        skip("the build has no Python module: it needs python3-dev and nanobind (PRIMAL_PYTHON, docs/python.md)")
    python, needed = sys.executable, ["numpy", "pytest", "primal"]
    if "test_notebooks.py" in names:
        needed.append("matplotlib")
    need = any(name in NEED_TORCH for name in names)
    use = any(name in USE_TORCH for name in names)
    if need or use:
        # PyTorch takes seconds to import, so a place where all is there is asked once.
        whole = [*needed, "torch"]
        if has(python, folder, *whole):
            needed = []
        elif has(SYSTEM, folder, *whole):
            python, needed = SYSTEM, []
        elif need:
            needed = whole
    if not has(python, folder, *needed):
        missing = next(module for module in needed if not has(python, folder, module))
        skip(f"{missing} cannot be imported in {python}" + (f" or {SYSTEM}" if missing in ("torch", "matplotlib") else ""))
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(HERE / name) for name in names)]
    sys.exit(subprocess.run(command, env=environment(python, folder), cwd=HERE).returncode)


if __name__ == "__main__":
    main()
