import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { readHead, requestHead } from "./response_head.ts";

Deno.test("readHead reads a response with a body of known length", () => {
  assertEquals(
    readHead(
      "HTTP/1.1 206 Partial Content\r\nContent-Length: 12 \r\nX-A:b\r\nx-a: \tc d\xe9\r\nEmpty:",
    ),
    {
      status: 206,
      reason: "Partial Content",
      fields: ["Content-Length", "12", "X-A", "b", "x-a", "c d\xe9", "Empty", ""],
      length: 12,
      keepAlive: true,
    },
  );
  assertEquals(readHead("HTTP/1.1 404\r\ncontent-length: 0")?.reason, "");
});

for (
  const [value, keepAlive] of [
    ["keep-alive", true],
    ["Keep-Alive", true],
    ["close", false],
    ["keep-alive, close", false],
    ["upgrade", false],
  ] as const
) {
  Deno.test(`readHead: Connection: ${value}`, () => {
    const head = readHead(`HTTP/1.1 200 OK\r\nConnection: ${value}\r\nContent-Length: 1`);
    assertEquals(head?.keepAlive, keepAlive);
  });
}

Deno.test("readHead: an answer to HEAD ends with its head, whatever that says of a body", () => {
  for (
    const head of [
      "HTTP/1.1 200 OK\r\nContent-Length: 500",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
      "HTTP/1.1 404 Not Found",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 5",
    ]
  ) {
    assertEquals(readHead(head, "HEAD")?.length, 0, head);
  }
  for (
    const head of [
      "HTTP/1.1 100 Continue",
      "HTTP/1.0 200 OK",
      "HTTP/1.1 200 OK\r\n folded",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6",
    ]
  ) {
    assertEquals(readHead(head, "HEAD"), undefined, head);
  }
});

const LENGTH = "Content-Length: 5";

const ODD: [what: string, head: string][] = [
  ["nothing", ""],
  ["no length", "HTTP/1.1 200 OK\r\nX: y"],
  ["a chunked body", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"],
  ["both lengths", `HTTP/1.1 200 OK\r\n${LENGTH}\r\nTransfer-Encoding: chunked`],
  ["both lengths, the other way round", `HTTP/1.1 200 OK\r\ntransfer-encoding: x\r\n${LENGTH}`],
  ["two equal lengths", `HTTP/1.1 200 OK\r\n${LENGTH}\r\n${LENGTH}`],
  ["two lengths", `HTTP/1.1 200 OK\r\n${LENGTH}\r\ncontent-length: 6`],
  ["two lengths in one", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5"],
  ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -5"],
  ["a length with a sign", "HTTP/1.1 200 OK\r\nContent-Length: +5"],
  ["a length in hex", "HTTP/1.1 200 OK\r\nContent-Length: 0x5"],
  ["a length that no number holds", "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999"],
  ["no digits", "HTTP/1.1 200 OK\r\nContent-Length:"],
  ["a folded header", `HTTP/1.1 200 OK\r\nX: y\r\n z\r\n${LENGTH}`],
  ["a folded first header", `HTTP/1.1 200 OK\r\n ${LENGTH}`],
  ["a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 5"],
  ["no colon", `HTTP/1.1 200 OK\r\nX\r\n${LENGTH}`],
  ["no name", `HTTP/1.1 200 OK\r\n: x\r\n${LENGTH}`],
  ["a bare LF", `HTTP/1.1 200 OK\nX: y\r\n${LENGTH}`],
  ["a bare LF in a header", `HTTP/1.1 200 OK\r\nX: y\n${LENGTH}`],
  ["a bare CR", `HTTP/1.1 200 OK\r\nX: y\r${LENGTH}\r\n${LENGTH}`],
  ["a zero byte", `HTTP/1.1 200 OK\r\nX: \0\r\n${LENGTH}`],
  ["an interim status", `HTTP/1.1 100 Continue\r\n${LENGTH}`],
  ["early hints", `HTTP/1.1 103 Early Hints\r\n${LENGTH}`],
  ["another protocol", `HTTP/1.1 101 Switching Protocols\r\n${LENGTH}`],
  ["204, which has no body", `HTTP/1.1 204 No Content\r\n${LENGTH}`],
  ["205, which has no body", `HTTP/1.1 205 Reset Content\r\n${LENGTH}`],
  ["304, whose length is another's", `HTTP/1.1 304 Not Modified\r\n${LENGTH}`],
  ["a status above 599", `HTTP/1.1 600 X\r\n${LENGTH}`],
  ["a status of four digits", `HTTP/1.1 2000 OK\r\n${LENGTH}`],
  ["HTTP/1.0", `HTTP/1.0 200 OK\r\n${LENGTH}`],
  ["HTTP/2", `HTTP/2 200 OK\r\n${LENGTH}`],
  ["small letters", `http/1.1 200 OK\r\n${LENGTH}`],
  ["two spaces", `HTTP/1.1  200 OK\r\n${LENGTH}`],
  ["what is not HTTP", "SSH-2.0-OpenSSH_9.6"],
];
for (const [what, head] of ODD) {
  Deno.test(`readHead leaves to others: ${what}`, () => assertEquals(readHead(head), undefined));
}

/** Pieces of heads, well formed and not. */
const PIECES = [
  ...[
    "HTTP/1.1 200 OK",
    "HTTP/1.1 204 ",
    "HTTP/1.0 200 OK",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
  ],
  ...[
    "Content-Length",
    "content-length: 5",
    "5",
    "Transfer-Encoding: chunked",
    "X: y",
    "\0",
    "\xff",
    ",",
  ],
];

Deno.test("readHead: whatever it takes says its length once, and is the text that it was made of", () => {
  const pieces = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 });
  const start = fc.constantFrom(
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
    "HTTP/1.1 200 OK\r\n",
    "",
  );
  let taken = 0;
  fc.assert(
    fc.property(start, pieces, (first, rest) => {
      const text = first + rest.join("");
      const head = readHead(text);
      if (head === undefined) return;
      taken++;
      const { status, reason, fields, length } = head;
      const names = fields.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
      assertEquals(names.filter((name) => name === "content-length").length, 1);
      assert(!names.includes("transfer-encoding"));
      assert(Number.isSafeInteger(length) && length >= 0);
      assert(!/[\r\n\0]/.test(reason + fields.join("")));
      const lines = names.map((name, at) => `${name}:${fields[2 * at + 1]}`);
      const whole = [`HTTP/1.1 ${status} ${reason}`, ...lines].join("\r\n");
      const bare = (given: string) => given.toLowerCase().replaceAll(/[\t ]/g, "");
      assertEquals(bare(text), bare(whole));
    }),
    { numRuns: 5_000, seed: 14 },
  );
  assert(taken > 50, `only ${taken} were taken`);
});

Deno.test("requestHead writes a GET", () => {
  const options = { method: "GET", hostname: "h", maxHeaderSize: 1 };
  assertEquals(
    requestHead({ ...options, path: "/v2/?a=b", headers: { host: "h:1", accept: "*/*" } }),
    "GET /v2/?a=b HTTP/1.1\r\nconnection: keep-alive\r\nhost: h:1\r\naccept: */*\r\n\r\n",
  );
  const refused: [path: string, headers: Record<string, string>][] = [
    ["/", { a: "b\r\nc: d" }],
    ["/", { a: "b\nc" }],
    ["/", { a: "\u0100" }],
    ["/", { "a b": "c" }],
    ["/", { "a\r\nb": "c" }],
    ["/", { "transfer-encoding": "chunked" }],
    ["/", { connection: "close" }],
    ["/ HTTP/1.1\r\nx: y", {}],
    ["/\xe9", {}],
    ["", {}],
  ];
  for (const [path, headers] of refused) {
    assertEquals(requestHead({ ...options, path, headers }), undefined, path);
  }
});
