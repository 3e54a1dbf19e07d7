import { assert, assertEquals } from "@std/assert";
import { quoteInput } from "./quote_input.ts";

const cases: [name: string, input: unknown, shown: string][] = [
  ["a plain text", "alpine:3", '"alpine:3"'],
  ["no text", "", '""'],
  ["undefined", undefined, "undefined"],
  ["null", null, "null"],
  ["an object", { toString: () => "secret" }, "object"],
  ["a symbol", Symbol("secret"), "symbol"],
  ["quotes and backslashes", 'a"b\\c', '"a\\"b\\\\c"'],
  ["a line break and NUL", "a\n\0", '"a\\n\\u0000"'],
  ["a terminal's escape sequence", "\x1b[31m", '"\\u001b[31m"'],
  ["DEL and a C1 control", "a\x7f\x9bb", '"a\\u{7f}\\u{9b}b"'],
  ["a change of direction", "a\u202eb", '"a\\u{202e}b"'],
  ["letters of other scripts", "bücher.example", '"bücher.example"'],
  ["an emoji", "a😀", '"a\\u{1f600}"'],
  ["a tag and a digest", "a/b:1@sha256:00", '"a/b:1@sha256:00"'],
  ["a tag where a digest should be", "alpine@latest", '"alpine@latest"'],
  ["nothing after the @", "a:1@", '"a:1@"'],
  ["a password", "https://ann:hunter2@host/x", '"https://***@host/x"'],
  [
    "a password, and a digest",
    "https://ann:hunter2@host/x@sha256:00",
    '"https://***@host/x@sha256:00"',
  ],
  [
    "a password and a digest without a scheme",
    "ann:hunter2@host.test/x@sha256:0a",
    '"***@host.test/x@sha256:0a"',
  ],
  [
    "a password with an @, and a digest",
    "https://ann:hunter2@2@host/x@sha512:0a",
    '"https://***@host/x@sha512:0a"',
  ],
  [
    "a password with a slash and no path",
    "https://ann:p/hunter2@host:5000",
    '"https://***@host:5000"',
  ],
  ["a host's port is no digest", "https://ann:hunter2@2@host:5000", '"https://***@host:5000"'],
  ["a digest in a URL", "https://host.test/x@sha256:zz", '"https://host.test/x@sha256:zz"'],
  ["a token as user", "https://hunter2@host/x", '"https://***@host/x"'],
  ["a password without a path", "https://ann:hunter2@host:5000", '"https://***@host:5000"'],
  ["a password without a scheme", "ann:hunter2@host:5000/x", '"***@host:5000/x"'],
  ["a password, and nothing else", "ann:hunter2@host", '"***@host"'],
  ["a password with a slash", "https://ann:hunter2/@host/x", '"https://***@host/x"'],
  ["a password with an @", "https://ann:hunter2@2@host/x", '"https://***@host/x"'],
  ["a password with ://", "ann:hunter2://2@host/x", '"***@host/x"'],
  ["a password with a ?", "https://ann:hunter2?@host/x", '"https://***@host/x"'],
  ["a user in a path", "ghcr.io/ann@name/a/b", '"ghcr.io/***@name/a/b"'],
  ["a user in a URL's path", "http://name.test/ann@name/a", '"http://name.test/***@name/a"'],
  ["a password in a path", "localhost:5000/ann:hunter2@name/a", '"localhost:5000/***@name/a"'],
  ["a password that looks like a path", "ann:p/hunter2@host.test/x", '"***@host.test/x"'],
  ["another scheme", "ftp://ann:hunter2@host/x", '"ftp://***@host/x"'],
  ["a query", "https://host/x?token=hunter2#y", '"https://host/x?***"'],
  ["a fragment", "host/x#hunter2", '"host/x#***"'],
  ["the character ? alone", "?", '"?"'],
];

for (const [name, input, shown] of cases) {
  Deno.test(`quoteInput: ${name}`, () => assertEquals(quoteInput(input), shown));
}

Deno.test("quoteInput: in a registry, what stands before an @ is never a name", () => {
  assertEquals(quoteInput("ann:hunter2@host:5000", "registry"), '"***@host:5000"');
  assertEquals(quoteInput("hunter2@host", "registry"), '"***@host"');
});

Deno.test("quoteInput: cut at 200 characters, after secrets are hidden", () => {
  assertEquals(quoteInput("a".repeat(200)), `"${"a".repeat(200)}"`);
  assertEquals(quoteInput("a".repeat(201)), `"${"a".repeat(200)}…"`);
  const long = quoteInput(`https://ann:${"hunter2".repeat(100)}@host/x`);
  assertEquals(long, '"https://***@host/x"');
  assert(!quoteInput("a".repeat(199) + "😀").includes("😀"));
});
