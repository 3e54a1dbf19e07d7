import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { InvalidContentError, NetworkError } from "../errors.ts";
import { encodeText } from "../content/bytes.ts";
import { Incoming } from "./fake_incoming_test.ts";
import { request } from "./fake_send_test.ts";
import { nodeResponse } from "./node_response.ts";

function respond(
  incoming: Incoming,
  init: Parameters<typeof request>[0] = {},
): { response: Response; ended: () => number } {
  let ended = 0;
  const response = nodeResponse(incoming, request(init), () => ended++);
  return { response, ended: () => ended };
}

Deno.test("nodeResponse joins headers that came twice, and keeps cookies apart", () => {
  const incoming = new Incoming();
  incoming.rawHeaders = ["Link", "a", "X", "1", "link", "b", "Set-Cookie", "c", "Set-Cookie", "d"];
  const { response } = respond(incoming);
  assertEquals([...response.headers], [
    ["link", "a, b"],
    ["set-cookie", "c"],
    ["set-cookie", "d"],
    ["x", "1"],
  ]);
});

const statuses: [status: number, method: string, hasBody: boolean][] = [
  [200, "GET", true],
  [201, "PUT", true],
  [307, "GET", true],
  [404, "GET", true],
  [599, "GET", true],
  [200, "HEAD", false],
  [404, "HEAD", false],
  [204, "DELETE", false],
  [205, "GET", false],
  [304, "GET", false],
];

for (const [status, method, hasBody] of statuses) {
  Deno.test(`nodeResponse: ${method} ${status} ${hasBody ? "has a body" : "has none"}`, () => {
    const incoming = new Incoming();
    incoming.statusCode = status;
    const { response, ended } = respond(incoming, { method });
    assertEquals([response.status, response.body !== null], [status, hasBody]);
    assertEquals(incoming.paused, hasBody);
    incoming.emit("close");
    assertEquals(ended(), 1);
  });
}

for (const status of [0, 101, 199, 600, 999]) {
  Deno.test(`nodeResponse: ${status} is no status`, () => {
    const incoming = new Incoming();
    incoming.statusCode = status;
    assertThrows(
      () => respond(incoming),
      InvalidContentError,
      `Cannot do the thing: registry.test answered with the status ${status}`,
    );
  });
}

Deno.test("nodeResponse leaves out words that a Response refuses", () => {
  for (const [words, kept] of [["Très bien", "Très bien"], ["\u0001", ""], ["a\nb", ""]] as const) {
    const incoming = new Incoming();
    incoming.statusMessage = words;
    assertEquals(respond(incoming).response.statusText, kept);
  }
});

Deno.test("nodeResponse takes away no memory that pieces share, and ends once", async () => {
  const incoming = new Incoming();
  const memory = encodeText("xabcdx");
  const { response, ended } = respond(incoming);
  const reader = response.body!.getReader();
  const reading = reader.read();
  incoming.emit("data", memory.subarray(1, 3));
  incoming.emit("data", memory.subarray(3, 5));
  const first = await reading;
  const second = await reader.read();
  assertEquals(new TextDecoder().decode(first.value), "ab");
  assertEquals(new TextDecoder().decode(second.value), "cd");
  assertEquals(new TextDecoder().decode(memory), "xabcdx");
  assertEquals(Object.getPrototypeOf(first.value), Uint8Array.prototype);
  assertEquals(ended(), 0);
  incoming.complete = true;
  incoming.emit("end");
  incoming.emit("close");
  assertEquals((await reader.read()).done, true);
  assertEquals(ended(), 1);
});

Deno.test("nodeResponse: its body has both kinds of readers", async () => {
  for (const mode of ["default", "byob"]) {
    const incoming = new Incoming();
    const { response } = respond(incoming);
    const reader = mode === "byob"
      ? response.body!.getReader({ mode: "byob" })
      : response.body!.getReader();
    const read = () => (reader as ReadableStreamBYOBReader).read(new Uint8Array(100));
    const reading = read();
    incoming.complete = true;
    incoming.emit("data", encodeText("ab"));
    incoming.emit("data", encodeText("cd"));
    incoming.emit("end");
    const seen = [(await reading).value];
    for (let piece = await read(); !piece.done; piece = await read()) seen.push(piece.value);
    const texts = seen.map((bytes) => new TextDecoder().decode(bytes));
    assertEquals(texts, mode === "byob" ? ["abcd"] : ["ab", "cd"]);
  }
});

const breaks: [name: string, emit: (incoming: Incoming) => void, words: string][] = [
  ["an error", (incoming) => incoming.emit("error", new Error("aborted")), "aborted"],
  ["an early end", (incoming) => incoming.emit("end"), "it ended early"],
  ["an early close", (incoming) => incoming.emit("close"), "it was closed early"],
];

for (const [name, emit, words] of breaks) {
  Deno.test(`nodeResponse: ${name} is no clean end`, async () => {
    const incoming = new Incoming();
    const { response, ended } = respond(incoming);
    const reading = response.text();
    incoming.emit("data", encodeText("abc"));
    emit(incoming);
    incoming.emit("close");
    await assertRejects(
      () => reading,
      NetworkError,
      "Cannot do the thing: the connection to registry.test broke in the middle of the response: " +
        words,
    );
    assertEquals([incoming.destroyed, ended()], [true, 1]);
  });
}

Deno.test("nodeResponse: a body that is cancelled frees its connection, or ends it", async () => {
  for (const complete of [true, false]) {
    const incoming = new Incoming();
    const { response, ended } = respond(incoming);
    incoming.emit("data", new Uint8Array(1024 * 1024));
    assertEquals(incoming.paused, true);
    incoming.complete = complete;
    await response.body!.cancel();
    assertEquals([incoming.paused, incoming.destroyed], complete ? [false, false] : [true, true]);
    incoming.emit("data", encodeText("too late"));
    incoming.emit("close");
    assertEquals(ended(), 1);
  }
});

Deno.test("nodeResponse: the signal ends the body, and is let go of", async () => {
  const incoming = new Incoming();
  const abort = new AbortController();
  const { response, ended } = respond(incoming, { signal: abort.signal });
  const reading = response.text();
  abort.abort("enough");
  assertEquals(await reading.catch((error) => error), "enough");
  assertEquals([incoming.destroyed, ended()], [true, 1]);

  const other = new Incoming();
  const later = new AbortController();
  const { response: whole } = respond(other, { signal: later.signal });
  other.emit("data", encodeText("abc"));
  other.complete = true;
  other.emit("end");
  later.abort("too late");
  assertEquals(await whole.text(), "abc");
  assertEquals(other.destroyed, false);
});
