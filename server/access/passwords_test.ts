import { assertEquals } from "@std/assert";
import { hashSync } from "bcryptjs";
import { Passwords, type Secret } from "./passwords.ts";

/** The least that bcrypt allows, and a cost whose time can be told from it. */
const CHEAP = 4;
const DEAR = 8;

const secrets = new Map<string, Secret>([
  ["plain", { password: "pä:ss" }],
  ["cheap", { hash: hashSync("cheap one", CHEAP) }],
  ["dear", { hash: hashSync("dear one", DEAR) }],
  ["apache", { hash: hashSync("x", CHEAP).replace("$2b$", "$2y$") }],
  ["empty", { password: "" }],
]);

for (
  const [name, password, right] of [
    ["plain", "pä:ss", true],
    ["plain", "pä:s", false],
    ["plain", "pä:ss ", false],
    ["plain", "", false],
    ["cheap", "cheap one", true],
    ["cheap", "dear one", false],
    ["cheap", "", false],
    ["cheap", (secrets.get("cheap") as { hash: string }).hash, false],
    ["dear", "dear one", true],
    ["dear", "cheap one", false],
    ["apache", "x", true],
    ["empty", "", true],
    ["empty", "x", false],
    ["unknown", "", false],
    ["unknown", "pä:ss", false],
    ["toString", "", false],
  ] as [string, string, boolean][]
) {
  Deno.test(`Passwords: ${name} with ${JSON.stringify(password)}`, async () => {
    assertEquals(await new Passwords(secrets).isRight(name, password), right);
  });
}

Deno.test("Passwords: what was right once stays right, and nothing else becomes so", async () => {
  const passwords = new Passwords(secrets);
  for (let times = 0; times < 3; times++) {
    assertEquals(await passwords.isRight("dear", "dear one"), true);
    assertEquals(await passwords.isRight("dear", "dear two"), false);
    assertEquals(await passwords.isRight("cheap", "dear one"), false);
    assertEquals(await passwords.isRight("unknown", "dear one"), false);
  }
});

async function fastest(run: () => Promise<unknown>): Promise<number> {
  let least = Infinity;
  for (let times = 0; times < 5; times++) {
    const start = performance.now();
    await run();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

Deno.test("Passwords: a wrong login pays for the dearest hash, known or not", async () => {
  const passwords = new Passwords(secrets);
  const times = new Map<string, number>();
  for (const name of ["dear", "cheap", "plain", "unknown"]) {
    times.set(name, await fastest(() => passwords.isRight(name, "wrong")));
  }
  // Sixteen times the work lies between the two costs; half of it tells them apart on any machine.
  const [dear, ...others] = [...times.values()];
  for (const other of others) assertEquals(other > dear! / 2, true, JSON.stringify([...times]));
  const right = await passwords.isRight("dear", "dear one");
  const again = await fastest(() => passwords.isRight("dear", "dear one"));
  assertEquals([right, again < dear! / 2], [true, true], "what was right is remembered");
});
