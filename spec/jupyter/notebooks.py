"""Executes the notebooks with Debian's nbclient.

usage: notebooks.py check|store PROGRAM notebook.ipynb ...

check: runs a copy and compares what it shows with the stored outputs (pictures by kind, text
exactly). store: runs and stores the outputs in the file. A cell has SECONDS.
"""
import difflib, json, os, shutil, subprocess, sys, tempfile, time, traceback

what, program = sys.argv[1:3]
try:
    import nbformat
    from nbclient import NotebookClient
except ImportError:
    print("notebooks: skipped (apt-get install python3-nbclient)")
    sys.exit(0)

data = tempfile.mkdtemp(prefix="orowan-notebooks")
os.environ.update(JUPYTER_DATA_DIR=data, JUPYTER_RUNTIME_DIR=data + "/runtime", XDG_STATE_HOME=data + "/state")
subprocess.run([program, "jupyter", "install"], check=True, stdout=subprocess.DEVNULL)

SECONDS = 90
LARGEST = 400_000  # bytes of a stored notebook


def outputs_of(cell):
    """What a reader sees, as lines; pictures by their kind only."""
    lines = []
    for o in cell.get("outputs", []):
        if o["output_type"] == "stream":
            lines += [f"{o['name']}: {line}" for line in o["text"].splitlines()]
        elif o["output_type"] == "error":
            lines.append(f"error: {o['evalue']}")
        else:
            kinds = sorted(k for k in o["data"] if k != "text/plain")
            lines += [f"<{k}>" for k in kinds] or o["data"].get("text/plain", "").splitlines()
    # progress bars end with the time that they took
    return [line for line in lines if ", took " not in line and "left" not in line]


def tidy(nb):
    """Only what a reader needs: no times, no identifiers of a session."""
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
        kept = []
        for o in cell.get("outputs", []):
            text = o["data"].get("text/plain", "") if o["output_type"] == "display_data" else None
            if text == "" or text and ", took " in text:  # what a progress bar leaves
                continue
            o.pop("transient", None)
            kept.append(o)
        if cell.cell_type == "code":
            cell.outputs = kept


def run(nb, folder):
    NotebookClient(nb, timeout=SECONDS, kernel_name="orowan", resources={"metadata": {"path": folder}}).execute()
    tidy(nb)


failed = 0
for path in sys.argv[3:]:
    start = time.time()
    outcome = "ok"
    try:
        stored = nbformat.read(path, 4)
        nb = nbformat.from_dict(json.loads(json.dumps(stored)))
        run(nb, data)
        if what == "store":
            nb.metadata = nbformat.from_dict({
                "kernelspec": {"name": "orowan", "display_name": "Lua (Orowan)", "language": "lua"},
                "language_info": {"name": "lua", "version": "5.4", "mimetype": "text/x-lua", "file_extension": ".lua",
                                  "pygments_lexer": "lua", "codemirror_mode": "lua"},
            })
            nbformat.validate(nb)
            nbformat.write(nb, path)
        else:
            assert os.path.getsize(path) < LARGEST, f"{os.path.getsize(path)} bytes: larger than {LARGEST}"
            for k, (a, b) in enumerate(zip(stored.cells, nb.cells), 1):
                old, new = outputs_of(a), outputs_of(b)
                assert old == new, f"cell {k} no longer gives what is stored (make notebooks stores anew):\n" + "\n".join(
                    difflib.unified_diff(old, new, "stored", "now", lineterm=""))
    except Exception as e:
        failed += 1
        outcome = "FAILED\n" + (str(e) if isinstance(e, AssertionError) else traceback.format_exc())
    print(f"{os.path.basename(path)}: {outcome}, {time.time() - start:.1f} s", flush=True)
shutil.rmtree(data, ignore_errors=True)
os._exit(1 if failed else 0)  # without the noise of event loops that are half closed
