import { assertEquals } from "@std/assert";
import { request, scripted } from "./fake_send_test.ts";
import { userAgent } from "./user_agent.ts";

const CASES: [name: string, headers: Record<string, string>, expected: string][] = [
  ["says who is asking", {}, "davit/1"],
  ["leaves the name that a request has", { "User-Agent": "mine" }, "mine"],
];

for (const [name, headers, expected] of CASES) {
  Deno.test(`userAgent: ${name}`, async () => {
    const { send, seen } = scripted(new Response());
    const given = request({ headers: new Headers(headers) });
    await userAgent("davit/1")(send)(given);
    assertEquals(seen[0]!.headers.get("user-agent"), expected);
    assertEquals(given.headers.get("user-agent"), headers["User-Agent"] ?? null);
  });
}
