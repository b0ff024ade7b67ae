"""Drives the kernel with Debian's jupyter_client and nbclient. Prints one JSON object,
{test: null or what went wrong}; spec/jupyter_client_spec.lua reads it.

usage: kernel.py PROGRAM DATA_FOLDER [test ...]
"""
import json, os, signal, subprocess, sys, time, traceback

program, data = sys.argv[1], sys.argv[2]
os.environ["JUPYTER_DATA_DIR"] = data
os.environ["JUPYTER_RUNTIME_DIR"] = data + "/runtime"
os.environ["XDG_STATE_HOME"] = data + "/state"

from jupyter_client.manager import KernelManager, start_new_kernel
from jupyter_client.session import Session

tests = []


def test(f):
    tests.append(f)
    return f


km = kc = None


def open_kernel():
    global km, kc
    if km is None or not km.is_alive():
        km, kc = start_new_kernel(kernel_name="orowan", startup_timeout=60)


def collect(client, mid, timeout=60):
    """Messages on iopub until idle, and the reply."""
    out = []
    while True:
        m = client.get_iopub_msg(timeout=timeout)
        if m["parent_header"].get("msg_id") != mid:
            continue
        if m["msg_type"] == "status":
            if m["content"]["execution_state"] == "idle":
                break
        elif m["msg_type"] != "execute_input":
            out.append(m)
    while True:
        r = client.get_shell_msg(timeout=timeout)
        if r["parent_header"].get("msg_id") == mid:
            return r["content"], out


def run(code, timeout=60, **kw):
    return collect(kc, kc.execute(code, **kw), timeout)


def text(out, name="stdout"):
    return "".join(m["content"]["text"] for m in out if m["msg_type"] == "stream" and m["content"]["name"] == name)


def value(code, **kw):
    reply, out = run(code, **kw)
    assert reply["status"] == "ok", reply
    results = [m["content"]["data"] for m in out if m["msg_type"] == "execute_result"]
    return results[0]["text/plain"] if results else None


def equal(a, b):
    assert a == b, f"expected {b!r}, got {a!r}"


@test
def starts():
    mid = kc.kernel_info()
    info = kc.get_shell_msg(timeout=20)["content"]
    equal(info["status"], "ok")
    equal(info["implementation"], "orowan")
    equal(info["language_info"]["name"], "lua")
    equal(info["language_info"]["file_extension"], ".lua")
    assert tuple(map(int, info["protocol_version"].split("."))) >= (5, 3)


@test
def executes():
    equal(value("1 + 1"), "2")
    equal(value("local a = 3\nlocal b = 4\na * b"), "12")
    equal(value("seen = 5; seen + 1"), "6")
    equal(value("seen"), "5")
    equal(value("seen;"), None)
    equal(value("x = 3"), None)
    equal(value("1, 'a', nil"), '1\t"a"\tnil')
    equal(value("-- only a comment"), None)
    equal(value(""), None)
    reply, _ = run("x = 1", user_expressions={"a": "x + 1", "b": "nil + 1"})
    equal(reply["user_expressions"]["a"]["data"]["text/plain"], "2")
    equal(reply["user_expressions"]["b"]["status"], "error")
    before = run("1")[0]["execution_count"]
    equal(run("x = 9", silent=True)[1], [])
    equal(run("x")[0]["execution_count"], before + 1)


@test
def streams():
    reply, out = run("print 'a' display(ow.arange(3)) print 'b'")
    equal([m["msg_type"] for m in out], ["stream", "display_data", "stream"])
    reply, out = run("os.execute 'echo from a child' io.stderr:write 'on stderr'")
    equal(text(out), "from a child\n")
    equal(text(out, "stderr"), "on stderr")
    # what was written is seen while the cell runs, also without the end of a line
    mid = kc.execute("io.write 'soon' ow.sys.sleep(0.8) print ' later'")
    start = time.time()
    while True:
        m = kc.get_iopub_msg(timeout=20)
        if m["msg_type"] == "stream" and m["parent_header"].get("msg_id") == mid:
            break
    equal(m["content"]["text"], "soon")
    assert time.time() - start < 0.75, "came only at the end"
    collect(kc, mid)


@test
def displays():
    reply, out = run("d = display(1) d:update(2)")
    equal([m["msg_type"] for m in out], ["display_data", "update_display_data"])
    equal(out[0]["content"]["transient"]["display_id"], out[1]["content"]["transient"]["display_id"])
    equal(out[1]["content"]["data"]["text/plain"], "2")
    _, out = run("ow.zeros(2, 3)")
    bundle = out[0]["content"]["data"]
    assert "<table" in bundle["text/html"] and "2x3" in bundle["text/plain"], bundle
    _, out = run("display.picture(ow.random.uniform({20, 30}))")
    assert out[0]["content"]["data"]["image/png"].startswith("iVBOR"), out
    _, out = run("ow.zeros({20, 20, 3}, 'u8')")
    assert "image/png" in out[0]["content"]["data"]
    _, out = run("display(display.html '<b>x</b>')")
    equal(out[0]["content"]["data"]["text/html"], "<b>x</b>")
    _, out = run("ow.nn.sequential { ow.nn.linear(3, 4), ow.nn.linear(4, 2) }")
    assert "linear" in out[0]["content"]["data"]["text/plain"] and "<table" in out[0]["content"]["data"]["text/html"], out
    _, out = run("setmetatable({}, { __mime = function() error 'no' end })")
    assert "no" in out[0]["content"]["data"]["text/plain"]


@test
def draws_figures():
    code = "local f = ow.plot.figure { width = 300, height = 200 }\nf:axes(1):line({1, 2, 3}, {1, 4, 9})\nf"
    _, out = run(code)
    bundle = out[0]["content"]["data"]
    assert bundle["image/png"].startswith("iVBOR") and "image/svg+xml" not in bundle, list(bundle)
    _, out = run("display.figures = 'svg'\n" + code)
    run("display.figures = 'png'")
    assert "<svg" in out[0]["content"]["data"]["image/svg+xml"]


@test
def shows_errors():
    reply, out = run("local function f(x)\n  return x.y.z\nend\n\nf {}")
    equal(reply["status"], "error")
    all_lines = "\n".join(reply["traceback"])
    for piece in ["attempt to index", "line 2", "return x.y.z", "in function 'f'", ":5: in the cell", "f {}"]:
        assert piece in all_lines, (piece, all_lines)
    assert "kernel.lua" not in all_lines, all_lines
    equal([m["msg_type"] for m in out], ["error"])
    reply, _ = run("x = = 1")
    assert "unexpected symbol" in reply["evalue"] and "line 1" in "\n".join(reply["traceback"])
    reply, _ = run("ow.zeros(2):matmul(3)")
    assert "expected a vector or a matrix" in reply["evalue"], reply
    for odd in ["error()", "error({})", "error(setmetatable({}, {__tostring = function() error 'no' end}))",
                "local function f() return f() + 1 end f()", "string.rep('x', 1 << 40)"]:
        equal(run(odd)[0]["status"], "error")
    equal(value("1 + 1"), "2")


@test
def refuses_what_follows_an_error():
    ids = [kc.execute("error 'first'"), kc.execute("after = 1"), kc.execute("after = 2")]
    replies = {}
    while len(replies) < 3:
        m = kc.get_shell_msg(timeout=20)
        replies[m["parent_header"]["msg_id"]] = m["content"]["status"]
    equal([replies[i] for i in ids], ["error", "aborted", "aborted"])
    equal(value("after"), "nil")
    ids = [kc.execute("error 'first'", stop_on_error=False), kc.execute("after = 3")]
    for _ in ids:
        kc.get_shell_msg(timeout=20)
    equal(value("after"), "3")


@test
def interrupts():
    for code in ["while true do end",
                 "while true do pcall(function() while true do end end) end",
                 "coroutine.wrap(function() while true do end end)()",
                 "local t = ow.random.normal(1000000) for i = 1, 1e9 do ow.sin(t, {out = t}) end",
                 "while true do pcall(function() ow.random.normal(1000000):sort() end) end",
                 "ow.sys.sleep(100)",
                 "ow.depinning.simulate { lx = 400, picks = 1e10, every = 10000 }",
                 "while true do print 'x' end"]:
        mid = kc.execute(code)
        time.sleep(0.25)
        start = time.time()
        km.interrupt_kernel()
        reply, out = collect(kc, mid, 20)
        took = time.time() - start
        equal((reply["status"], reply["ename"]), ("error", "Interrupted"))
        assert took < (3 if "print" in code else 1), (code, took)
    for _ in range(5):  # between cells: nothing to interrupt
        km.interrupt_kernel()
        time.sleep(0.02)
    equal(value("6 * 7"), "42")
    # by a message on control, as front ends do with interrupt_mode "message"
    mid = kc.execute("while true do end")
    time.sleep(0.3)
    kc.control_channel.send(kc.session.msg("interrupt_request", {}))
    reply, _ = collect(kc, mid, 5)
    equal(reply["ename"], "Interrupted")
    equal(kc.get_control_msg(timeout=5)["msg_type"], "interrupt_reply")


@test
def heart_beats_while_busy():
    mid = kc.execute("while true do end")
    time.sleep(0.2)
    import zmq
    s = zmq.Context.instance().socket(zmq.REQ)
    s.linger = 0
    s.connect(f"tcp://{km.ip}:{km.hb_port}")
    for k in range(5):
        s.send(b"ping %d" % k)
        assert s.poll(500), "no heartbeat while a cell runs"
        equal(s.recv(), b"ping %d" % k)
    s.close()
    km.interrupt_kernel()
    collect(kc, mid)


@test
def completes():
    def at(code, cursor=None):
        kc.complete(code, len(code) if cursor is None else cursor)
        return kc.get_shell_msg(timeout=20)["content"]

    r = at("y = ow.sys.sha256_f")
    equal((r["matches"], r["cursor_start"], r["cursor_end"]), (["sha256_file"], 11, 19))
    r = at("s = 'é' .. ow.sys.sha256_f\nz = 1", 26)  # characters, not bytes
    equal((r["matches"], r["cursor_start"], r["cursor_end"]), (["sha256_file"], 18, 26))
    assert "my_own_local" in at("local my_own_local = 1\nprint(my_own")["matches"]
    equal(at("nothing.at.all.")["matches"], [])
    equal(at("", 0)["status"], "ok")
    equal(at("ow.", 999)["status"], "ok")


@test
def inspects():
    def at(code, cursor=None):
        kc.inspect(code, len(code) if cursor is None else cursor)
        return kc.get_shell_msg(timeout=20)["content"]

    r = at("ow.stats.fit(not_yet_there")
    assert r["found"] and r["data"]["text/plain"].startswith("ow.stats.fit("), r
    assert at("ow.zeros", 5)["data"]["text/plain"].startswith("ow.zeros(")
    run("some = { a = 1 }")
    assert "a = 1" in at("some")["data"]["text/plain"]
    equal(at("no_such_name")["found"], False)
    reply, _ = run("?ow.sys.sha256")
    assert "SHA-256" in reply["payload"][0]["data"]["text/plain"]
    reply, _ = run("ow.sys.sha265?")
    assert reply["status"] == "error" and "did you mean" in reply["evalue"], reply


@test
def knows_what_is_complete():
    def status(code):
        kc.is_complete(code)
        return kc.get_shell_msg(timeout=20)["content"]

    equal(status("x = 1")["status"], "complete")
    equal(status("for i = 1, 2 do"), {"status": "incomplete", "indent": "  "})
    equal(status("x = = 1")["status"], "invalid")
    equal(status("s = [[a")["status"], "incomplete")
    equal(status("?ow")["status"], "complete")


@test
def remembers():
    run("remembered = 1")
    kc.history(hist_access_type="tail", n=1)
    equal(kc.get_shell_msg(timeout=20)["content"]["history"][0][2], "remembered = 1")
    kc.history(hist_access_type="search", pattern="remember*", n=5)
    equal(kc.get_shell_msg(timeout=20)["content"]["history"][-1][2], "remembered = 1")
    kc.history(hist_access_type="range", session=0, start=1, stop=3)
    equal([h[1] for h in kc.get_shell_msg(timeout=20)["content"]["history"]], [1, 2])


@test
def asks():
    answers = ["Egon", "12 rest", "first\nsecond"]
    questions = []
    mid = kc.execute("a = input 'Name? '\nn = io.read 'n'\nl = io.read()\nm = io.read()\na, n, l, m", allow_stdin=True)
    for a in answers:
        m = kc.get_stdin_msg(timeout=20)
        questions.append(m["content"]["prompt"])
        kc.input(a)
    reply, out = collect(kc, mid)
    equal(out[-1]["content"]["data"]["text/plain"], '"Egon"\t12\t" rest"\t"first"')
    equal(questions[0], "Name? ")
    reply, _ = run("io.read()", allow_stdin=False)
    assert "cannot be asked" in reply["evalue"]
    mid = kc.execute("io.read()", allow_stdin=True)
    kc.get_stdin_msg(timeout=20)
    km.interrupt_kernel()
    equal(collect(kc, mid, 5)[0]["ename"], "Interrupted")


@test
def shows_progress_in_place():
    _, out = run("local b <close> = ow.progress.bar('work', 30) for i = 1, 30 do ow.sys.sleep(0.05) b:update(i) end")
    kinds = [m["msg_type"] for m in out]
    equal(kinds[0], "display_data")
    assert len(kinds) > 2 and set(kinds[1:]) == {"update_display_data"}, kinds
    assert "took" in out[-1]["content"]["data"]["text/plain"]
    equal(run("local b <close> = ow.progress.bar('quick', 3) b:update(1)")[1], [])


@test
def survives_bad_messages():
    import zmq
    forged = Session(key=b"another key", signature_scheme="hmac-sha256")
    s = zmq.Context.instance().socket(zmq.DEALER)
    s.linger = 0
    s.connect(f"tcp://{km.ip}:{km.shell_port}")
    forged.send(s, forged.msg("execute_request", {"code": "forged = true", "silent": False}))
    s.send_multipart([b"no", b"delimiter"])
    s.send_multipart([b"<IDS|MSG>"])
    s.send(b"")
    s.send_multipart([b"x"] * 3000)
    good = Session(key=kc.session.key)
    for parts in [[b"not json", b"{}", b"{}", b"{}"], [b"[]", b"{}", b"{}", b"{}"], [b"{}", b"{}", b"{}", b"{}"],
                  [b'{"msg_id": "1", "msg_type": "execute_request"}', b"{}", b"{}", b"\xff\xfe"],
                  [b'{"msg_id": "1", "msg_type": 7}', b"{}", b"{}", b"{}"]]:
        s.send_multipart([b"<IDS|MSG>", good.sign(parts)] + parts)
    good.send(s, good.msg("no_such_request", {}))
    good.send(s, good.msg("execute_request", {"code": 7}))
    good.send(s, good.msg("execute_request", {}))
    good.send(s, good.msg("history_request", {"hist_access_type": 3, "n": "x"}))
    good.send(s, good.msg("complete_request", {"code": None, "cursor_pos": "x"}))
    good.send(s, good.msg("comm_open", {"comm_id": "c", "target_name": "none", "data": {}}))
    time.sleep(0.3)
    equal(value("forged"), "nil")
    s.close()


@test
def prints_a_million_lines():
    _, out = run("for i = 1, 1000000 do print(i) end", timeout=120)
    got = text(out)
    assert got == "".join(f"{i}\n" for i in range(1, 1000001)), (len(got), got[:40], got[-40:])
    assert len(out) < 3000, len(out)


@test
def prints_any_bytes():
    _, out = run(r"io.write('\xff\xfe \u{e9} ' .. ('\u{20ac}'):rep(200000)) io.write '\xe2\x82'")
    equal(text(out), "\ufffd\ufffd é " + "€" * 200000 + "\ufffd" * 2)
    equal(value(r"'\xff'"), '"\ufffd"')
    assert run(r"error '\xff\0'")[0]["status"] == "error"


@test
def outlives_a_killed_front_end():
    child = subprocess.Popen([sys.executable, "-c", f"""
from jupyter_client import BlockingKernelClient
c = BlockingKernelClient(connection_file={km.connection_file!r}); c.load_connection_file(); c.start_channels(); c.wait_for_ready(timeout=30)
c.execute("for i = 1, 40 do print(i) ow.sys.sleep(0.02) end killed = true")
while c.get_iopub_msg(timeout=30)["msg_type"] != "stream": pass
print('go', flush=True)
import time; time.sleep(60)"""], stdout=subprocess.PIPE)
    assert child.stdout.readline().strip() == b"go"
    child.kill()
    child.wait()
    equal(value("killed"), "true")


@test
def ends_with_its_starter():
    child = subprocess.Popen([sys.executable, "-c", """
from jupyter_client.manager import start_new_kernel
m, c = start_new_kernel(kernel_name='orowan')
c.execute('while true do end')
print(m.provisioner.process.pid, flush=True)
import time; time.sleep(60)"""], stdout=subprocess.PIPE)
    pid = int(child.stdout.readline())
    child.kill()
    child.wait()
    for _ in range(60):
        try:
            os.kill(pid, 0)
            if open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] == "Z":
                return
        except (ProcessLookupError, FileNotFoundError):
            return
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError("the kernel lives on without whoever started it")


@test
def restarts():
    run("before = 1")
    km.restart_kernel(now=False)
    kc.wait_for_ready(timeout=60)
    equal(value("before"), "nil")
    mid = kc.execute("while true do end")
    time.sleep(0.2)
    start = time.time()
    km.restart_kernel(now=False)  # while it is busy
    kc.wait_for_ready(timeout=60)
    assert time.time() - start < 5, time.time() - start
    equal(value("1"), "1")


@test
def runs_a_thousand_cells():
    ids = [kc.execute("count = (count or 0) + 1; count") for _ in range(1000)]
    seen = {}
    while len(seen) < 1000:
        m = kc.get_iopub_msg(timeout=20)
        if m["msg_type"] == "execute_result":
            seen[m["parent_header"]["msg_id"]] = m["content"]["data"]["text/plain"]
    equal([seen[i] for i in ids], [str(i + 1) for i in range(1000)])
    for i in ids:
        equal(kc.get_shell_msg(timeout=20)["parent_header"]["msg_id"], i)


@test
def ends_when_told():
    kc.shutdown()
    for _ in range(50):
        if not km.is_alive():
            return
        time.sleep(0.1)
    raise AssertionError("it did not end")


@test
def ends_with_os_exit():
    reply, _ = run("os.exit(0)")
    equal(reply["payload"][0]["source"], "ask_exit")
    for _ in range(50):
        if not km.is_alive():
            return
        time.sleep(0.1)
    raise AssertionError("it did not end")


@test
def runs_notebooks():
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    v4 = nbformat.v4
    nb = v4.new_notebook(metadata={"kernelspec": {"name": "orowan", "display_name": "Lua (Orowan)", "language": "lua"}})
    nb.cells = [v4.new_code_cell("local x = 20\nx + 1"), v4.new_code_cell("d = display(1)\nprint 'y'"), v4.new_code_cell("d:update(2);")]
    NotebookClient(nb, timeout=60).execute()
    equal(nb.cells[0].outputs[0]["data"]["text/plain"], "21")
    equal(nb.cells[1].outputs[0]["data"]["text/plain"], "2")
    nbformat.validate(nb)
    nb.cells = [v4.new_code_cell("error 'stop here'"), v4.new_code_cell("1")]
    try:
        NotebookClient(nb, timeout=60).execute()
        raise AssertionError("no error")
    except CellExecutionError as e:
        assert "stop here" in str(e)
    NotebookClient(nb, timeout=60, allow_errors=True).execute()
    equal(nb.cells[1].outputs[0]["data"]["text/plain"], "1")


def main():
    wanted, results = sys.argv[3:], {}
    for f in tests:
        if wanted and f.__name__ not in wanted:
            continue
        start = time.time()
        try:
            open_kernel()
            f()
            results[f.__name__] = None
        except Exception:
            results[f.__name__] = traceback.format_exc()
            try:
                km.shutdown_kernel(now=True)
            except Exception:
                pass
        print(f"{f.__name__}: {time.time() - start:.1f} s", file=sys.stderr)
    if km is not None and km.is_alive():
        kc.stop_channels()
        km.shutdown_kernel(now=True)
    sys.stdout.write(json.dumps(results))
    sys.stdout.flush()
    os._exit(0)  # no clean-up noise of half-closed event loops


main()
