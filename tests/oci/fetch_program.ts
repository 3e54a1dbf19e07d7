/** A program that reads out of an artifact on Docker Hub, by what takes a `fetch`. */
import { createOciFetch } from "@davit/registry-client/oci-fetch";

const ociFetch: typeof fetch = createOciFetch();
const url = "oci://index.docker.io/library/plugin:v1#plugin.wasm";

const compiled = await WebAssembly.compileStreaming(ociFetch(url));
const { exports } = await WebAssembly.instantiate(compiled);
console.log(`answer ${(exports.answer as () => number)()}`);

const magic = await ociFetch(new Request(url, { headers: { range: "bytes=0-3" } }));
console.log(
  `${magic.status} ${magic.headers.get("content-range")} ${encodeURIComponent(await magic.text())}`,
);

const head = await ociFetch(url, { method: "HEAD" });
console.log(`${head.status} ${head.headers.get("content-type")}`);
console.log(`${(await ociFetch("oci://index.docker.io/library/plugin:v2")).status}`);
