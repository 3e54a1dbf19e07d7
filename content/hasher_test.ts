import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { encodeText } from "./bytes.ts";
import { createHasher, type HashAlgorithm } from "./hasher.ts";
import { createPortableHasher } from "./web_hasher.ts";

const MAKERS = { createHasher, createPortableHasher };

/** Made with sha256sum and sha512sum. */
const EXPECTED: Record<HashAlgorithm, string> = {
  sha256: "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
  sha512: "309ecc489c12d6eb4cc40f50c902f2b4d0ed77ee511a7c7a9bcd3ca86d4cd86f" +
    "989dd35bc5ff499670da34255b45b0cfd830e81f605dcf7dc5542e93ae9cd76f",
};

for (const [name, make] of Object.entries(MAKERS)) {
  for (const algorithm of ["sha256", "sha512"] as const) {
    Deno.test(`${name}: ${algorithm} piece by piece`, async () => {
      const hasher = await make(algorithm);
      for (const piece of ["hello", "", " ", "world"]) hasher.update(encodeText(piece));
      assertEquals(encodeHex(await hasher.digest()), EXPECTED[algorithm]);
    });
  }
}

Deno.test("createHasher: two at once do not mix", async () => {
  const [one, other] = await Promise.all([createHasher("sha256"), createHasher("sha256")]);
  one.update(encodeText("hello world"));
  other.update(encodeText("something else"));
  assertEquals(encodeHex(await one.digest()), EXPECTED.sha256);
});

Deno.test("createPortableHasher: agrees with the native one on odd sizes", async () => {
  for (const size of [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 100_003]) {
    const bytes = Uint8Array.from({ length: size }, (_, i) => i * 31);
    for (const algorithm of ["sha256", "sha512"] as const) {
      const [native, portable] = await Promise.all([
        createHasher(algorithm),
        createPortableHasher(algorithm),
      ]);
      native.update(bytes);
      portable.update(bytes.subarray(0, size >> 1));
      portable.update(bytes.subarray(size >> 1));
      assertEquals(encodeHex(await portable.digest()), encodeHex(await native.digest()), `${size}`);
    }
  }
});

Deno.test("createHasher: the caller may write over the bytes it gave, few or many", async () => {
  for (const size of [0, 1, 65_536, 131_071, 131_072, 131_073, 200_000]) {
    const bytes = Uint8Array.from({ length: size }, (_, i) => i * 31);
    const { createWebHasher } = await unloaded(`${size}`);
    const hasher = await createWebHasher("sha256");
    const portable = await createPortableHasher("sha256");
    portable.update(bytes);
    const buffer = new Uint8Array(70_000);
    for (let at = 0; at < size; at += buffer.byteLength) {
      const piece = buffer.subarray(0, Math.min(buffer.byteLength, size - at));
      piece.set(bytes.subarray(at, at + piece.byteLength));
      hasher.update(piece);
      piece.fill(0);
    }
    assertEquals(encodeHex(await hasher.digest()), encodeHex(await portable.digest()), `${size}`);
  }
});

Deno.test("createHasher: on Deno few bytes load nothing of Node's", async () => {
  const process = Object.getOwnPropertyDescriptor(globalThis, "process")!;
  let looked = 0;
  const get = () => void looked++;
  Object.defineProperty(globalThis, "process", { get, configurable: true });
  try {
    for (const algorithm of ["sha256", "sha512"] as const) {
      const hasher = await (await unloaded("few")).createWebHasher(algorithm);
      hasher.update(encodeText("hello world"));
      assertEquals(encodeHex(await hasher.digest()), EXPECTED[algorithm]);
    }
    const { createWebHasher } = await unloaded("few");
    const many = await createWebHasher("sha256");
    assertThrows(() => many.update(new Uint8Array(131_073)), TypeError);
    assertEquals(looked, 1); // many bytes
    for (let hashes = 4; hashes <= 32; hashes++) await createWebHasher("sha256");
    await assertRejects(() => createWebHasher("sha256"), TypeError);
  } finally {
    Object.defineProperty(globalThis, "process", process);
  }
  assertEquals(looked, 2); // many hashes
});

/** The module as it is at the start of a program, once for each name. */
async function unloaded(name: string): Promise<typeof import("./web_hasher.ts")> {
  return await import(new URL(`web_hasher.ts?${name}`, import.meta.url).href);
}
