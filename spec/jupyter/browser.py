"""Opens a notebook in Debian's Jupyter in headless Chromium, runs all cells, and takes a
screenshot for a person to look at. Fails when a cell has an error or no figure is drawn.

usage: browser.py PROGRAM notebook.ipynb picture.png   (make notebook-screenshot)
needs: apt-get install jupyter-notebook chromium
"""
import asyncio, base64, json, os, shutil, subprocess, sys, tempfile, time, urllib.request

import nbformat
from tornado.websocket import websocket_connect

program, notebook, picture = sys.argv[1:4]
PORT, DEBUG_PORT, SECONDS = 18991, 18992, 120

folder = tempfile.mkdtemp(prefix="orowan-browser")
env = dict(os.environ, JUPYTER_DATA_DIR=folder + "/data", JUPYTER_RUNTIME_DIR=folder + "/runtime",
           JUPYTER_CONFIG_DIR=folder + "/config", XDG_STATE_HOME=folder + "/state", OMP_WAIT_POLICY="passive")
subprocess.run([program, "jupyter", "install"], check=True, env=env, stdout=subprocess.DEVNULL)
nb = nbformat.read(notebook, 4)
for cell in nb.cells:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
os.makedirs(folder + "/shown")
nbformat.write(nb, folder + "/shown/notebook.ipynb")


def fetch(url):
    with urllib.request.urlopen(url, timeout=5) as r:
        return r.read()


def wait_for(url):
    for _ in range(SECONDS * 5):
        try:
            return fetch(url)
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"{url} does not answer")


server = subprocess.Popen(
    ["jupyter", "notebook", "--no-browser", "--allow-root", f"--port={PORT}", "--ip=127.0.0.1", "--NotebookApp.token=",
     "--NotebookApp.password=", f"--notebook-dir={folder}/shown"], env=env, stdout=open(folder + "/server.log", "w"), stderr=subprocess.STDOUT)
browser = subprocess.Popen(
    ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", f"--remote-debugging-port={DEBUG_PORT}", "--window-size=1200,1500",
     f"--user-data-dir={folder}/browser", "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def drive():
    wait_for(f"http://127.0.0.1:{PORT}/api")
    wait_for(f"http://127.0.0.1:{DEBUG_PORT}/json/version")
    page = [p for p in json.loads(fetch(f"http://127.0.0.1:{DEBUG_PORT}/json")) if p["type"] == "page"][0]
    socket = await websocket_connect(page["webSocketDebuggerUrl"], max_message_size=1 << 28)
    count = 0

    async def call(method, **params):
        nonlocal count
        count += 1
        await socket.write_message(json.dumps({"id": count, "method": method, "params": params}))
        while True:
            m = json.loads(await asyncio.wait_for(socket.read_message(), 60))
            if m.get("id") == count:
                if "error" in m:
                    raise SystemExit(f"{method}: {m['error']}")
                return m["result"]

    async def value(expression):
        return (await call("Runtime.evaluate", expression=expression, returnByValue=True))["result"].get("value")

    async def until(expression, what):
        for _ in range(SECONDS * 4):
            if await value(expression):
                return
            await asyncio.sleep(0.25)
        raise SystemExit("waited too long until " + what)

    await call("Page.navigate", url=f"http://127.0.0.1:{PORT}/notebooks/notebook.ipynb")
    await until("!!(window.Jupyter && Jupyter.notebook && Jupyter.notebook.kernel && Jupyter.notebook.kernel.is_connected())", "the kernel runs")
    print("kernel:", await value("Jupyter.notebook.kernel.name"), "-", await value("Jupyter.notebook.metadata.kernelspec.display_name"))
    await value("Jupyter.notebook.execute_all_cells()")
    await until("Jupyter.notebook.get_cells().filter(c => c.cell_type == 'code').every(c => typeof c.input_prompt_number == 'number')"
                " && !Jupyter.notebook.kernel_busy", "all cells have run")
    await asyncio.sleep(1)
    facts = await value("""({
      errors: document.querySelectorAll('.output_error').length,
      figures: Array.from(document.querySelectorAll('.output_png img, .output_svg svg')).filter(i => i.clientWidth > 100).length,
      tables: document.querySelectorAll('table.orowan-tensor').length})""")
    print(facts)
    await value("document.querySelector('.output_png img, .output_svg svg').scrollIntoView({block: 'center'})")
    await asyncio.sleep(0.5)
    shot = await call("Page.captureScreenshot", format="png")
    with open(picture, "wb") as f:
        f.write(base64.b64decode(shot["data"]))
    await value("Jupyter.notebook.kernel.kill()")
    await asyncio.sleep(0.5)
    return facts["errors"] == 0 and facts["figures"] > 0


good = False
try:
    good = asyncio.new_event_loop().run_until_complete(drive())
finally:
    for p in (browser, server):
        p.terminate()
        try:
            p.wait(10)
        except subprocess.TimeoutExpired:
            p.kill()
    shutil.rmtree(folder, ignore_errors=True)
print(picture if good else "FAILED: errors, or no figure")
sys.exit(0 if good else 1)
