import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path/from-file-url";
import { denoCommand } from "../scripts/deno.ts";
import { parseArguments } from "./main.ts";

for (
  const [args, expected] of [
    [[], undefined],
    [["--grade"], []],
    [["--provoke", "warnings"], ["warnings"]],
    [["--grade", "--provoke=warnings,cut-blobs"], ["warnings", "cut-blobs"]],
  ] as [string[], string[] | undefined][]
) {
  Deno.test(`serve's arguments: ${args.join(" ") || "no grade"}`, async () => {
    assertEquals((await parseArguments(args))?.grade.provoke as string[] | undefined, expected);
  });
}

Deno.test("serve --grade prints the report when it is stopped; a second port serves redirects", async () => {
  const main = fromFileUrl(new URL("./main.ts", import.meta.url));
  const command = await denoCommand(
    ["run", "--allow-net", "--allow-env", "--allow-sys", main, "--provoke", "redirect-blobs"],
    { stdout: "piped", stderr: "inherit" },
  );
  const child = command.spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const url = (await reader.read()).value!.trim();
  const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  const client = Deno.createHttpClient({});
  const send = (path: string, init: RequestInit) =>
    fetch(url + path, { ...init, client } as RequestInit);
  await (await send(`/v2/app/blobs/uploads/?digest=${digest}`, { method: "POST", body: "hello" }))
    .body?.cancel();
  const blob = await send(`/v2/app/blobs/${digest}`, {});
  assertEquals([await blob.text(), blob.redirected], ["hello", true]);
  assertEquals(new URL(blob.url).hostname, "localhost");
  client.close();
  child.kill("SIGINT");
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
  }
  assertEquals((await child.status).code, 0);
  assertMatch(text, /^kept {6}pull\.redirect \(SHOULD\): follows a redirect to another origin$/m);
  assertMatch(text, /^not seen {2}[0-9]+ of [0-9]+ duties: pull\.accept, /m);
});
