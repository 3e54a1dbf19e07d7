/** What keeps a process alive: what somebody awaits does; a stream that nobody reads on does not. */
import { assertEquals } from "@std/assert";
import { denoCommand } from "../../scripts/deno.ts";

const MOD = new URL("../../mod.ts", import.meta.url).href;
const DIGEST = `sha256:${"a".repeat(64)}`;

const PROGRAMS: [name: string, program: string, says: string][] = [
  [
    "a blob's stream that nobody reads on",
    "const reader = blob.stream.getReader(); await reader.read(); console.log('read');",
    "read",
  ],
  ["a blob's stream that nobody reads at all", "console.log('not read');", "not read"],
  [
    "a read that is awaited, until the stall time",
    "console.log((await blob.bytes().catch((error) => error)).code);",
    "DOWNLOAD_FAILED",
  ],
];

for (const [name, program, says] of PROGRAMS) {
  Deno.test(`the end of a process: ${name}`, async () => {
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
      const start = (controller: ReadableStreamDefaultController) =>
        controller.enqueue(new Uint8Array(100_000));
      return new Response(new ReadableStream({ start })); // and then nothing
    });
    const code = `
      const { RegistryClientV2 } = await import("${MOD}");
      const client = new RegistryClientV2({
        name: "http://127.0.0.1:${server.addr.port}/app",
        retry: { maxAttempts: 1 },
        limits: ${
      says === "DOWNLOAD_FAILED" ? "{ stallTimeout: 300 }" : "{ stallTimeout: 600_000 }"
    },
      });
      const blob = await client.getBlob("${DIGEST}");
      ${program}`;
    const command = await denoCommand(["eval", code], { signal: AbortSignal.timeout(120_000) });
    const { stdout, success } = await command.output();
    assertEquals([new TextDecoder().decode(stdout).trim(), success], [says, true]);
    await server.shutdown();
  });
}
