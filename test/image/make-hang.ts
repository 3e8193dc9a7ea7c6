// Makes a running daemon hang: node make-hang.mjs PID KIND. Prints the moment right before, us on the clock of systemd's monotonic timestamps.

/** What the daemon is made to run, by its debugger: SIGUSR1 opens it in every Node.js, so that nothing is built in for this. */
const code: Readonly<Record<string, string>> = {
  loops: "for (;;);",
  starves: "const again = () => Promise.resolve().then(again); again();",
  waits: `process.getBuiltinModule("node:child_process").execFileSync("/usr/bin/sleep", ["infinity"]);`,
  // Its event loop turns; what it stores never comes back.
  store: `process.getBuiltinModule("node:fs/promises").open("/dev/null").then((file) => {
    const kind = Object.getPrototypeOf(file);
    kind.sync = kind.datasync = () => new Promise(() => {});
  });`,
};

const [pid, kind = ""] = [Number(process.argv[2]), process.argv[3]];
if (kind === "stops") {
  say();
  process.kill(pid, "SIGSTOP");
} else {
  process.kill(pid, "SIGUSR1");
  const socket = new WebSocket(await debuggerOf());
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  say();
  // Right after its answer, which tells that it will.
  const expression = `setImmediate(() => { ${code[kind]} }); 0`;
  const answered = new Promise<string>((resolve) => {
    socket.onmessage = ({ data }) => resolve(String(data));
  });
  socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression } }));
  const { result } = JSON.parse(await answered);
  if (result?.result?.value !== 0) throw new Error(`the daemon did not take it: ${JSON.stringify(result)}`);
}
process.exit();

function say(): void {
  console.log(String(process.hrtime.bigint() / 1000n));
}

async function debuggerOf(): Promise<string> {
  for (;;) {
    try {
      const pages = JSON.parse(await (await fetch("http://127.0.0.1:9229/json/list")).text());
      return pages[0].webSocketDebuggerUrl;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
