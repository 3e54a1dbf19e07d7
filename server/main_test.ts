import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { denoCommand } from "../scripts/deno.ts";
import { parseArguments } from "./main.ts";

const MAIN = fromFileUrl(new URL("./main.ts", import.meta.url));

for (
  const [args, expected] of [
    [[], ["127.0.0.1", 0]],
    [["--port", "5000"], ["127.0.0.1", 5000]],
    [["--port=5000"], ["127.0.0.1", 5000]],
    [["--hostname", "0.0.0.0", "--port", "1"], ["0.0.0.0", 1]],
    [["--help"], undefined],
    [["--port", "1", "-h"], undefined],
  ] as [string[], [string, number] | undefined][]
) {
  Deno.test(`serve's arguments: ${args.join(" ") || "none"}`, () => {
    const options = parseArguments(args);
    assertEquals(options && [options.hostname, options.port], expected);
  });
}

for (
  const [args, message] of [
    [["--port"], "--port needs a value"],
    [["--port", "x"], "--port must be a number from 0 to 65535: current value is x"],
    [["--port", "65536"], "current value is 65536"],
    [["--port=-1"], "current value is -1"],
    [["--store", "x"], "there is no option --store"],
    [["5000"], "there is no option 5000"],
  ] as [string[], string][]
) {
  Deno.test(`serve's arguments: ${args.join(" ")} is refused`, () => {
    assertThrows(() => parseArguments(args), TypeError, message);
  });
}

Deno.test("serve prints its URL, answers, and stops when it is told to", async () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const command = await denoCommand(
      ["run", "--allow-net", "--allow-env", "--allow-sys", MAIN],
      { stdout: "piped", stderr: "inherit" },
    );
    const child = command.spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value: url } = await reader.read();
    assertMatch(url!, /^http:\/\/127\.0\.0\.1:[0-9]+\n$/);
    const response = await fetch(`${url!.trim()}/v2/`);
    assertEquals(await response.text(), "{}");
    child.kill(signal);
    const { code } = await child.status;
    assertEquals(code, 0);
    await reader.cancel();
  }
});
