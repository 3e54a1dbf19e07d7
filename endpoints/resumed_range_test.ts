import { assertEquals, assertRejects } from "@std/assert";
import { DownloadError } from "../errors.ts";
import { digestOf } from "../content/digest_of.ts";
import { getBlob } from "./blobs.ts";
import { brokenBody, fakeRegistry, type Handler, sample, steps } from "./fake_registry_test.ts";

const SIZE = 300_000;
const CONTENT = sample(SIZE);
const DIGEST = await digestOf(CONTENT);

const broken = () => brokenBody(CONTENT.subarray(0, 100_000));

/** A 206 from the range's start on, with a Content-Range of some form. */
function restAs(form: (first: number, last: number) => string): Handler {
  return ({ headers }) => {
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.get("range")!)!;
    const [from, to] = [Number(first), Number(last)];
    const body = CONTENT.slice(from, to + 1);
    return new Response(body, { status: 206, headers: { "content-range": form(from, to) } });
  };
}

for (const form of ["Bytes F-L/T", "bytes=F-L/T", "bytes   F-L/*"]) {
  Deno.test(`end-2 GET blobs, resumed: a Content-Range such as ${form} is read`, async () => {
    const said = restAs((first, last) =>
      form.replace("F", `${first}`).replace("L", `${last}`).replace("T", `${SIZE}`)
    );
    const first = new Response(broken(), { headers: { "content-length": `${SIZE}` } });
    const registry = fakeRegistry(steps(first, said));
    const blob = await getBlob(registry.channel, "app", DIGEST);
    assertEquals(await blob.bytes(), CONTENT);
  });
}

Deno.test("end-2 GET blobs, resumed: a part does not go on with one of another whole", async () => {
  const first = new Response(brokenBody(CONTENT.slice(10, 100_010)), {
    status: 206,
    headers: { "content-range": `bytes 10-200009/${SIZE}` },
  });
  const other = restAs((from, to) => `bytes ${from}-${to}/${SIZE + 1}`);
  const registry = fakeRegistry(steps(first, other));
  const blob = await getBlob(registry.channel, "app", DIGEST, {
    range: { offset: 10, length: 200_000 },
  });
  const error = await assertRejects(() => blob.bytes(), DownloadError);
  const message = `it had ${SIZE} bytes, and has ${SIZE + 1} now`;
  assertEquals((error.cause as Error).message.endsWith(message), true);
});
