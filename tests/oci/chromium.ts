/** A page in a real browser, which runs a program and tells what it printed. */
import { neededPeer } from "../peers/locate.ts";

/** The longest that a page may take. */
const LIMIT_MS = 300_000;

/** Collects what the program prints, and hands it over when the program has ended. */
const PAGE = `<!doctype html><script type="module">
const lines = [];
console.log = (...values) => lines.push(values.join(" "));
try {
  await import("/program.js");
} catch (error) {
  lines.push("FAILED " + error.stack);
}
await fetch("/done", { method: "POST", body: lines.map((line) => line + "\\n").join("") });
</script>`;

/** Runs a bundled program in Chromium, whose requests to other hosts go through a proxy. */
export async function runInChromium(program: string, proxy: string): Promise<string> {
  const printed = Promise.withResolvers<string>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/done") {
      printed.resolve(await request.text());
      return new Response();
    }
    const type = pathname === "/" ? "text/html" : "text/javascript";
    const known: Record<string, string> = { "/": PAGE, "/program.js": program };
    const status = pathname in known ? 200 : 404;
    return new Response(known[pathname] ?? "", { status, headers: { "content-type": type } });
  });
  const folder = await Deno.makeTempDir({ prefix: "davit_chromium_" });
  const child = new Deno.Command(neededPeer("chromium"), {
    args: [
      ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
      ...["--no-first-run", "--disable-background-networking", `--user-data-dir=${folder}`],
      // The page itself comes from this machine, which no proxy is asked for.
      ...[`--proxy-server=${proxy}`, "--ignore-certificate-errors"],
      `http://127.0.0.1:${server.addr.port}/`,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(
    () => printed.reject(new Error("Cannot wait for the page any longer")),
    LIMIT_MS,
  );
  try {
    return await printed.promise;
  } finally {
    clearTimeout(timer);
    child.kill();
    await child.status;
    await server.shutdown();
    await removeWritten(folder);
  }
}

/** Removes the folder, to which the browser's last processes may write for a moment still. */
async function removeWritten(folder: string): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    const gone = await Deno.remove(folder, { recursive: true }).then(() => true, () => false);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const back = await Deno.stat(folder).then(() => true, () => false);
    if (gone && !back) return;
  }
}
