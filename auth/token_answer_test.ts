import { assertEquals, assertNotMatch, assertThrows } from "@std/assert";
import { encodeText } from "../content/bytes.ts";
import { AuthenticationError } from "../errors.ts";
import { MAX_LIFETIME_S, MIN_LIFETIME_S, parseToken } from "./token_answer.ts";

const DATE = "Thu, 01 Jan 2026 00:05:00 GMT";
const at = (time: string) => `2026-01-01T${time}Z`;

const GOOD: [name: string, answer: Record<string, unknown>, seconds: number, date?: string][] = [
  ["GHCR's: no expires_in", { token: "T" }, 60],
  ["Docker Hub's", { token: "T", access_token: "T", expires_in: 300 }, 300],
  ["ACR's: access_token alone", { access_token: "T" }, 60],
  ["token goes before access_token", { token: "T", access_token: "other" }, 60],
  ["an empty token beside an access_token", { token: "", access_token: "T" }, 60],
  ["null beside an access_token", { token: null, access_token: "T" }, 60],
  ["a life below the minimum", { token: "T", expires_in: 5 }, MIN_LIFETIME_S],
  ["zero", { token: "T", expires_in: 0 }, MIN_LIFETIME_S],
  ["a negative life", { token: "T", expires_in: -300 }, MIN_LIFETIME_S],
  ["olareg's: nanoseconds", { token: "T", expires_in: 300_000_000_000 }, MAX_LIFETIME_S],
  ["more than any number", { token: "T", expires_in: "1e400" }, MAX_LIFETIME_S],
  ["a number as text", { token: "T", expires_in: "300" }, 300],
  ["text that is no number", { token: "T", expires_in: "soon" }, 60],
  ["a list", { token: "T", expires_in: [300] }, 60],
  ["null", { token: "T", expires_in: null }, 60],
  ["issued now", { token: "T", expires_in: 300, issued_at: at("00:05:00") }, 300, DATE],
  ["issued earlier", { token: "T", expires_in: 300, issued_at: at("00:04:00") }, 240, DATE],
  ["issued in the future", { token: "T", expires_in: 300, issued_at: at("00:06:00") }, 300, DATE],
  ["issued too long ago", { token: "T", expires_in: 300, issued_at: at("00:00:00") }, 300, DATE],
  ["issued at nonsense", { token: "T", expires_in: 300, issued_at: "yesterday" }, 300, DATE],
  ["issued at a number", { token: "T", expires_in: 300, issued_at: 1767225600 }, 300, DATE],
  ["issued_at without a Date", { token: "T", expires_in: 300, issued_at: at("00:04:00") }, 300],
  ["a Date that is none", { token: "T", issued_at: at("00:04:30") }, 60, "today"],
];

for (const [name, answer, seconds, date = null] of GOOD) {
  Deno.test(`parseToken: ${name}: ${seconds} s`, () => {
    assertEquals(parseToken(encodeText(JSON.stringify(answer)), "get a token", date), {
      value: "T",
      lifetime: seconds * 1_000,
    });
  });
}

const BAD: [name: string, answer: string, message: string][] = [
  ["nothing", "", "not JSON"],
  ["a web page", "<html>hunter2</html>", "not JSON"],
  ["half an answer", '{"token":"hunter2', "not JSON"],
  ["a bare token", "hunter2", "not JSON"],
  ["a text", '"hunter2"', "not a JSON object"],
  ["a list", '["hunter2"]', "not a JSON object"],
  ["null", "null", "not a JSON object"],
  ["a number", "42", "not a JSON object"],
  ["an object without a token", '{"refresh_token":"hunter2"}', "holds no token"],
  ["an empty token", '{"token":""}', "holds no token"],
  ["a number as a token", '{"token":42}', "holds no token"],
  ["an object as a token", '{"token":{"value":"hunter2"}}', "holds no token"],
  ["a token with a line break", '{"token":"hunter2\\nX: y"}', "a header cannot carry"],
  ["a token with a space", '{"access_token":"hunter2 x"}', "a header cannot carry"],
  ["a token outside ASCII", '{"token":"hunter2é"}', "a header cannot carry"],
];

for (const [name, answer, message] of BAD) {
  Deno.test(`parseToken refuses ${name}: AUTHENTICATION_FAILED, without quoting it`, () => {
    const error = assertThrows(
      () => parseToken(encodeText(answer), "get a token from x", null),
      AuthenticationError,
      message,
    );
    assertEquals(error.code, "AUTHENTICATION_FAILED");
    assertEquals(error.message.startsWith("Cannot get a token from x: "), true);
    assertNotMatch(Deno.inspect(error, { showHidden: true }), /hunter2/);
  });
}
