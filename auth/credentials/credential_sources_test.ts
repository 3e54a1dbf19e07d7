import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { drive, driveSync, readText, runHelper, type Steps } from "./credential_sources.ts";

/** Reads a file and runs a helper with what it holds; what fails is told, not thrown. */
function* source(): Steps<string> {
  let text: string | undefined;
  try {
    text = yield* readText("file");
  } catch (error) {
    text = (error as Error).message;
  }
  return (yield* runHelper("name", "get", text ?? "nothing")).stdout;
}

const fail = () => {
  throw new Error("broken");
};
const helper = (...asked: string[]) => ({ code: 0, stdout: asked.join(" ") });

Deno.test("drive, driveSync: answers, and what the machine throws, come to the source", async () => {
  for (
    const [read, expected] of [
      [() => "text", "name get text"],
      [() => undefined, "name get nothing"],
      [fail, "name get broken"],
    ] as const
  ) {
    assertEquals(driveSync(source(), { read, helper }), expected);
    assertEquals(await drive(source(), { read, helper }), expected);
    const later = () => Promise.resolve().then(read);
    assertEquals(await drive(source(), { read: later, helper }), expected);
  }
});

Deno.test("drive, driveSync: what the source does not catch is the caller's", async () => {
  const machine = { read: () => "text", helper: fail };
  assertThrows(() => driveSync(source(), machine), Error, "broken");
  await assertRejects(() => drive(source(), machine), Error, "broken");
});
