import { assertEquals, assertRejects } from "@std/assert";
import { InvalidManifestError } from "../errors.ts";
import { digestFromManifestStr } from "./digest_from_manifest.ts";

// The digests were computed with sha256sum.
const DIGESTS = [
  { text: "{}", hex: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a" },
  {
    text: '{"schemaVersion":2}',
    hex: "bafebd36189ad3688b7b3915ea55d461e0bfcfbdde11e54b0a123999fb6be50f",
  },
  {
    text: '{"schemaVersion":2,"note":"häß"}',
    hex: "2db4c4f39e187779591d5c2a77a02d014f0d138ab917cbdf748abdfe46610106",
  },
];

for (const { text, hex } of DIGESTS) {
  Deno.test(`digestFromManifestStr ${text}`, async () => {
    assertEquals(await digestFromManifestStr(text), `sha256:${hex}`);
  });
}

const REFUSED = [
  { text: '{"schemaVersion":1,"signatures":[]}', message: "schema 1 is not supported" },
  { text: "hello", message: "it is not JSON" },
  { text: "[]", message: "it is not a JSON object" },
];

for (const { text, message } of REFUSED) {
  Deno.test(`digestFromManifestStr refuses ${text}`, async () => {
    await assertRejects(() => digestFromManifestStr(text), InvalidManifestError, message);
  });
}
