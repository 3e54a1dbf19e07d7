/** How responses come back, whole and broken. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { NetworkError } from "../errors.ts";
import type { ChannelRequest } from "./channel.ts";
import { rawServer } from "./raw_server_test.ts";
import { everything, OK, request, type SendCase, wait } from "./send_case_test.ts";

/** A case whose server answers each request by a text. */
function answers(
  name: string,
  given: string,
  init: Partial<ChannelRequest>,
  check: (response: Response, head: string) => void | Promise<void>,
): SendCase {
  return {
    name,
    async run({ send }) {
      let head = "";
      const server = await rawServer(async (peer) => {
        head = await peer.head();
        await peer.body(head);
        await peer.write(given);
      });
      const answer = await send({})(request(new URL("/v2/?n=1", server.url), init));
      assertEquals(answer.url.href, `${server.url}v2/?n=1`);
      assertEquals(answer.hops, []);
      await check(answer.response, head);
      if (!answer.response.bodyUsed) await answer.response.body?.cancel();
      await server.close();
    },
  };
}

/** Responses that come whole. */
export const responseCases: SendCase[] = [
  answers("sends the head that was asked for, and asks for no compression", OK, {
    headers: new Headers({ accept: "a/b, c/d", "x-test": "1" }),
  }, async (response, head) => {
    assertStringIncludes(head, "GET /v2/?n=1 HTTP/1.1");
    assertEquals(/^accept: (.*)/im.exec(head)?.[1], "a/b, c/d");
    assertEquals(/^x-test: (.*)/im.exec(head)?.[1], "1");
    assertEquals(/^accept-encoding: (.*)/im.exec(head)?.[1], "identity");
    assertEquals(/^(content-length|transfer-encoding)/im.exec(head), null);
    assertEquals([response.status, response.statusText], [200, "OK"]);
    assertEquals(await response.text(), "ok");
  }),
  answers("leaves an Accept-Encoding that was given", OK, {
    headers: new Headers({ "accept-encoding": "zstd" }),
  }, (_, head) => assertEquals(/^accept-encoding: (.*)/im.exec(head)?.[1], "zstd")),
  answers("says that a POST without a body is empty", OK, { method: "POST" }, (_, head) => {
    assertStringIncludes(head.toLowerCase(), "content-length: 0");
    assertEquals(/transfer-encoding/i.exec(head), null);
  }),
  answers(
    "HEAD with a Content-Length has no body",
    "HTTP/1.1 200 OK\nContent-Length: 12345\nDocker-Content-Digest: sha256:0\n\n",
    { method: "HEAD" },
    (response) => {
      assertEquals(response.body, null);
      assertEquals(response.headers.get("content-length"), "12345");
      assertEquals(response.headers.get("docker-content-digest"), "sha256:0");
    },
  ),
  answers("204 has no body", "HTTP/1.1 204 No Content\nRange: 0-9\n\n", {}, (response) => {
    assertEquals([response.status, response.body], [204, null]);
    assertEquals(response.headers.get("range"), "0-9");
  }),
  answers(
    "a redirect is not followed",
    "HTTP/1.1 307 Temporary Redirect\nLocation: /elsewhere\nContent-Length: 4\n\ngone",
    {},
    async (response) => {
      assertEquals([response.status, response.headers.get("location")], [307, "/elsewhere"]);
      assertEquals(await response.text(), "gone");
    },
  ),
  answers(
    "an error's body can be read",
    'HTTP/1.1 404 Not Found\nContent-Length: 13\n\n{"errors":[]}',
    {},
    async (response) => {
      assertEquals(response.status, 404);
      assertEquals(await response.json(), { errors: [] });
    },
  ),
  answers(
    "21 KB of headers are taken",
    `HTTP/1.1 200 OK\n${"X-Long: ".padEnd(1000, "x") + "\n"}${
      Array.from({ length: 20 }, (_, i) => `X-${i}: ${"y".repeat(1000)}\n`).join("")
    }Content-Length: 2\n\nok`,
    {},
    async (response) => {
      assertEquals(response.headers.get("x-19")?.length, 1000);
      assertEquals(await response.text(), "ok");
    },
  ),
  answers(
    "headers that come twice are joined",
    'HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Basic realm="a"\nLink: </b>; rel="next"\n' +
      'WWW-Authenticate: Bearer realm="c"\nlink: </d>; rel="last"\nWarning: 299 - "e"\n' +
      'Warning: 299 - "f"\nContent-Length: 0\n\n',
    {},
    ({ headers }) => {
      assertEquals(headers.get("www-authenticate"), 'Basic realm="a", Bearer realm="c"');
      assertEquals(headers.get("link"), '</b>; rel="next", </d>; rel="last"');
      assertEquals(headers.get("warning"), '299 - "e", 299 - "f"');
    },
  ),
  answers(
    "a chunked response is put together",
    "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n2\nde\n0\n\n",
    {},
    async (response) => assertEquals(await response.text(), "abcde"),
  ),
  answers(
    "a response that ends with its connection is read to the end",
    "HTTP/1.1 200 OK\nConnection: close\n\nall of it",
    {},
    async (response) => assertEquals(await response.text(), "all of it"),
  ),
];

/** A case whose response's body breaks. */
function breaks(name: string, given: string): SendCase {
  return {
    name,
    async run({ send, ownBodyErrors }) {
      const server = await rawServer(async (peer) => {
        await peer.head();
        await peer.write(given);
        await wait(20);
      });
      const { response } = await send({})(request(new URL("/?signature=secret", server.url)));
      assertEquals(response.status, 200);
      const error = await assertRejects(() => response.text());
      if (ownBodyErrors) {
        assert(error instanceof NetworkError);
        assertStringIncludes(
          error.message,
          `Cannot do the thing: the connection to ${server.url.host} broke in the middle of the ` +
            "response: ",
        );
        assert(!everything(error).includes("secret"));
      }
      await server.close();
    },
  };
}

/** Bodies that break, or are not wanted. */
export const brokenBodyCases: SendCase[] = [
  breaks(
    "a body of known size that is cut never ends well",
    "HTTP/1.1 200 OK\nContent-Length: 10\n\nabc",
  ),
  breaks(
    "a body cut right after the head never ends well",
    "HTTP/1.1 200 OK\nContent-Length: 10\n\n",
  ),
  breaks(
    "a chunked body that is cut never ends well",
    "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n",
  ),
  {
    name: "a body that is not wanted closes its connection",
    async run({ send }) {
      let drained = false;
      const server = await rawServer(async (peer) => {
        await peer.head();
        await peer.write("HTTP/1.1 200 OK\nContent-Length: 1000000000\n\n");
        await peer.write(new Uint8Array(1024 * 1024));
        await peer.drain();
        drained = true;
      });
      const { response } = await send({})(request(server.url));
      await response.body!.cancel();
      await server.close();
      assert(drained);
    },
  },
];
