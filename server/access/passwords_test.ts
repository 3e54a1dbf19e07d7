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

/** The least time that each takes: by turns, so that what else runs takes its time from them all. */
async function fastest(names: string[], run: (name: string) => Promise<unknown>, rounds: number) {
  const least = new Map(names.map((name) => [name, Infinity]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const start = performance.now();
      await run(name);
      least.set(name, Math.min(least.get(name)!, performance.now() - start));
    }
  }
  return least;
}

Deno.test("Passwords: a wrong login pays for the dearest hash, known or not", async () => {
  const passwords = new Passwords(secrets);
  const names = ["dear", "cheap", "plain", "unknown"];
  const right = await passwords.isRight("dear", "dear one");
  // Sixteen times the work lies between the two costs; half of it tells them apart on any machine,
  // and on a busy one in one of some attempts.
  for (let attempt = 1;; attempt++) {
    const times = await fastest(names, (name) => passwords.isRight(name, "wrong"), 5);
    const [dear, ...others] = [...times.values()];
    const again = await fastest(["dear"], (name) => passwords.isRight(name, "dear one"), 5);
    const told = [
      right,
      again.get("dear")! < dear! / 2,
      ...others.map((other) => other > dear! / 2),
    ];
    if (attempt < 5 && told.includes(false)) continue;
    assertEquals(told, [true, true, true, true, true], JSON.stringify([...times]));
    break;
  }
});
