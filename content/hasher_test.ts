import { assertEquals } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { encodeText } from "./bytes.ts";
import { createHasher, createPortableHasher, type HashAlgorithm } from "./hasher.ts";

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
      assertEquals(encodeHex(hasher.digest()), EXPECTED[algorithm]);
    });
  }
}

Deno.test("createHasher: two at once do not mix", async () => {
  const [one, other] = await Promise.all([createHasher("sha256"), createHasher("sha256")]);
  one.update(encodeText("hello world"));
  other.update(encodeText("something else"));
  assertEquals(encodeHex(one.digest()), EXPECTED.sha256);
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
      assertEquals(encodeHex(portable.digest()), encodeHex(native.digest()), `${size}`);
    }
  }
});

Deno.test("createHasher: without node:crypto the portable one steps in", async () => {
  const process = (globalThis as { process?: { getBuiltinModule?: unknown } }).process!;
  const original = Object.getOwnPropertyDescriptor(process, "getBuiltinModule")!;
  Object.defineProperty(process, "getBuiltinModule", { value: undefined, configurable: true });
  try {
    const hasher = await createHasher("sha256");
    hasher.update(encodeText("hello world"));
    assertEquals(encodeHex(hasher.digest()), EXPECTED.sha256);
  } finally {
    Object.defineProperty(process, "getBuiltinModule", original);
  }
});
