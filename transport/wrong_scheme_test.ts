import { assertEquals } from "@std/assert";
import type { HostPurpose } from "./channel.ts";
import { wantsTls, wrongScheme } from "./wrong_scheme.ts";

const ANSWERS: [who: string, body: string, wants: boolean][] = [
  ["Go", "Client sent an HTTP request to an HTTPS server.\n", true],
  ["nginx", "<title>400 The plain HTTP request was sent to HTTPS port</title>", true],
  ["Apache", "You're speaking plain HTTP to an SSL-enabled server port.<br />", true],
  ["Tomcat", "Bad Request\r\nThis combination of host and port requires TLS.\r\n", true],
  ["a registry", '{"errors":[{"code":"NAME_INVALID","message":"invalid repository name"}]}', false],
  ["nobody", "", false],
];

for (const [who, body, wants] of ANSWERS) {
  Deno.test(`wantsTls: ${who}`, () =>
    assertEquals(wantsTls(new TextEncoder().encode(body)), wants));
}

const CASES: [url: string, purpose: HostPurpose, message: string][] = [
  [
    "https://a.test:5000/v2/",
    "registry",
    "Cannot pull: a.test:5000 does not speak TLS (https): it is a server of plain http, as a rule. " +
    'Set hosts["a.test:5000"].plainHttp, or write http:// in front of the registry\'s name',
  ],
  [
    "https://a.test/v2/",
    "registry",
    "Cannot pull: a.test:443 does not speak TLS (https): it is a server of plain http, as a rule. " +
    'Set hosts["a.test"].plainHttp, or write http:// in front of the registry\'s name',
  ],
  [
    "http://a.test:5000/v2/",
    "registry",
    "Cannot pull: a.test:5000 speaks TLS (https), and was asked by plain http. Write https:// in " +
    'front of the registry\'s name, and leave hosts["a.test:5000"].plainHttp out',
  ],
  [
    "http://a.test/v2/",
    "mirror",
    "Cannot pull: a.test:80 speaks TLS (https), and was asked by plain http. Its url in 'mirrors' " +
    "begins with the wrong scheme",
  ],
  [
    "https://a.test/token?account=you",
    "realm",
    "Cannot pull: a.test:443 does not speak TLS (https): it is a server of plain http, as a rule. " +
    "It was named so by the registry",
  ],
];

for (const [url, purpose, message] of CASES) {
  Deno.test(`wrongScheme: ${url} as a ${purpose}`, () => {
    const cause = new Error("no");
    const error = wrongScheme({ url: new URL(url), what: "pull", purpose }, cause);
    assertEquals(error.message, message);
    const { host, protocol } = new URL(url);
    assertEquals([error.code, error.host, `${error.scheme}:`], ["WRONG_SCHEME", host, protocol]);
    assertEquals([error.retryable, error.cause], [false, cause]);
  });
}
