/**
 * Options of a host on every runtime: real TLS with certificates of every kind, and a real proxy that
 * counts. The client is one program, run by Deno with the permissions it needs, by Node and by Bun.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import type { RegistryClientOpts } from "../../mod.ts";
import { createRegistry } from "../../server/mod.ts";
import { freePort } from "../free_port.ts";
import {
  type Certificate,
  type CertificateOptions,
  makeCertificate,
} from "../peers/certificate.ts";
import type { Act, Outcome } from "./hosts_client.ts";
import { bundleClient, runActs, RUNTIMES } from "./runtimes.ts";
import {
  direct,
  type Listening,
  serveLostRefusal,
  serveNothing,
  serveProxy,
  serveRefusal,
  serveRegistry,
  serveTlsAlone,
  type TestProxy,
  type TestRegistry,
} from "./servers.ts";

const PROXY_PASSWORD = "proxy-5ecret-4e07408562bedb8b";
const LOGIN = `Basic ${encodeBase64(`me:${PROXY_PASSWORD}`)}`;

const authority = await makeCertificate({ commonName: "davit CA", authority: true });
const DAY_MS = 24 * 60 * 60_000;

/** How many bytes the client uploads, each of three times: hosts_client.ts. */
const SIZE = 1_500_000;

function pair({ pem, keyPem }: Certificate): { cert: string; key: string } {
  return { cert: pem, key: keyPem };
}

const { port: FREE_PORT } = await freePort();

/** Everything that a case can talk to. */
interface World {
  trusted: TestRegistry;
  expired: TestRegistry;
  otherName: TestRegistry;
  selfSigned: TestRegistry;
  wantsClient: TestRegistry;
  refusal?: Listening;
  lostRefusal?: Listening;
  plain: TestRegistry;
  named: TestRegistry;
  proxy: TestProxy;
  tlsProxy: TestProxy;
  loginProxy: TestProxy;
  goTls: Listening;
  silentTls: Listening;
  nothing: Listening;
}

const issue = async (options: CertificateOptions): Promise<{ cert: string; key: string }> =>
  pair(await makeCertificate({ issuer: authority, ...options }));

const selfSigned = await makeCertificate();
const client = await makeCertificate({ commonName: "a client", issuer: authority });
const good = await issue({});
const expired = await issue({ notAfter: Date.now() - DAY_MS });
const otherName = await issue({ names: ["other.test"], loopback: false });
const named = await issue({ names: ["registry.test"] });

/** It remembers nothing: one serves every case. */
const refusal = await serveRefusal({ ...good, ca: authority.pem });

async function startWorld(): Promise<World> {
  const registry = createRegistry();
  const trusted = await serveRegistry(registry, good);
  return {
    trusted,
    expired: await serveRegistry(registry, expired),
    otherName: await serveRegistry(registry, otherName),
    selfSigned: await serveRegistry(registry, pair(selfSigned)),
    wantsClient: await serveRegistry(registry, {
      ...good,
      ca: authority.pem,
      requestCert: true,
      rejectUnauthorized: true,
    }),
    ...(refusal && {
      refusal: { ...refusal, close: () => Promise.resolve() },
      lostRefusal: await serveLostRefusal(refusal),
    }),
    plain: await serveRegistry(registry),
    named: await serveRegistry(registry, named),
    proxy: await serveProxy({ names: { "registry.test": "127.0.0.1" } }),
    tlsProxy: await serveProxy({ tls: good }),
    loginProxy: await serveProxy({ authorization: LOGIN }),
    goTls: await serveTlsAlone(trusted, GO_WORDS),
    silentTls: await serveTlsAlone(trusted),
    nothing: await serveNothing(),
  };
}

/** What Go's server of TLS answers to plain HTTP. */
const GO_WORDS =
  "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

async function stop(world: World): Promise<void> {
  await Promise.all(Object.values(world).map((server) => server.close()));
}

/** What a case expects: success, or an error's fields and words. */
interface Expected {
  code: string;
  message: string[];
  host?: string;
  proxy?: string;
  statusCode?: number;
  /** How often a request was sent again; without it, it depends. */
  retries?: number;
}

interface Case {
  name: string;
  options: (world: World) => RegistryClientOpts;
  error?: (world: World) => Expected;
  /** Which proxy every byte goes through to which host. */
  through?: (world: World) => [proxy: TestProxy, host: TestRegistry];
  /** Whether the proxy of the environment must not be asked for anything. */
  untouched?: boolean;
  env?: (world: World) => Record<string, string>;
  without?: "env";
  only?: string[];
}

const ca = authority.pem;

function tls(host: { host: string }, more: object = {}): RegistryClientOpts {
  return { name: `https://${host.host}/app`, hosts: { [host.host]: { ca, ...more } } };
}

function refused(pick: (world: World) => Listening, ...words: string[]): Case["error"] {
  return (world) => {
    const { host } = pick(world);
    const message = words.map((word) => word.replaceAll("HOST", host));
    return { code: "CERTIFICATE_REFUSED", message, host, retries: 0 };
  };
}

const CERTIFICATES: Case[] = [
  {
    name: "a CA that nobody knows",
    options: ({ trusted }) => ({ name: `https://${trusted.host}/app` }),
    error: refused(
      ({ trusted }) => trusted,
      "certificate of HOST is not trusted",
      'hosts["HOST"].ca',
    ),
  },
  { name: "a CA that is given", options: ({ trusted }) => tls(trusted) },
  {
    name: "a CA that is given for another host",
    options: ({ trusted, named }) => ({ ...tls(named), name: `https://${trusted.host}/app` }),
    error: refused(({ trusted }) => trusted, "is not trusted"),
  },
  {
    name: "an expired certificate",
    options: ({ expired }) => tls(expired),
    error: refused(({ expired }) => expired, "has expired", 'hosts["HOST"].insecure'),
  },
  {
    name: "an expired certificate, unchecked",
    options: ({ expired }) => tls(expired, { insecure: true }),
  },
  {
    name: "a certificate of another host",
    options: ({ otherName }) => tls(otherName),
    error: refused(({ otherName }) => otherName, "is for another host", 'hosts["HOST"].insecure'),
  },
  {
    name: "a self-signed certificate",
    options: (world) => ({ name: `https://${world.selfSigned.host}/app` }),
    error: refused((world) => world.selfSigned, "is not trusted"),
  },
  {
    name: "a self-signed certificate that is given",
    options: (world) => tls(world.selfSigned, { ca: [ca, selfSigned.pem] }),
  },
  // The host closes at once, and now and then, or each time, a reset takes away what it said before.
  ...(refusal === undefined ? [] : ["refusal", "lostRefusal"] as const).flatMap((to) =>
    [{}, { insecure: true }].map((more): Case => ({
      name: `a client certificate that is wanted: ${to}${more.insecure ? ", unchecked" : ""}`,
      options: (world) => tls(world[to]!, more),
      error: refused(
        (world) => world[to]!,
        "HOST wants a client certificate",
        'hosts["HOST"].cert',
      ),
    }))
  ),
  {
    name: "a client certificate that is given",
    options: ({ wantsClient }) => tls(wantsClient, pair(client)),
  },
  {
    name: "a client certificate, the host's own unchecked",
    options: ({ wantsClient }) => tls(wantsClient, { insecure: true, ...pair(client) }),
  },
  {
    name: "a key that is not the certificate's",
    options: ({ wantsClient }) => tls(wantsClient, { cert: client.pem, key: selfSigned.keyPem }),
    error: () => ({ code: "INVALID_OPTION", message: ["certificates of hosts["], retries: 0 }),
  },
];

/** A scheme that is wrong: told at once, with the option. */
function wrongScheme(pick: (world: World) => Listening, scheme: "http" | "https"): Case["error"] {
  return (world) => {
    const { host } = pick(world);
    const [speaks, remedy] = scheme === "https"
      ? ["does not speak TLS (https)", `Set hosts["${host}"].plainHttp, or write http:// in front`]
      : ["speaks TLS (https), and was asked by plain http", `leave hosts["${host}"].plainHttp out`];
    const message = [`Cannot start an upload to ${host}/app: ${host} ${speaks}`, remedy];
    return { code: "WRONG_SCHEME", message, host, retries: 0 };
  };
}

const SCHEMES: Case[] = [
  {
    name: "https to a server of plain http",
    options: ({ plain }) => ({ name: `https://${plain.host}/app` }),
    error: wrongScheme(({ plain }) => plain, "https"),
  },
  {
    name: "https to a server of plain http, with a CA",
    options: ({ plain }) => tls(plain),
    error: wrongScheme(({ plain }) => plain, "https"),
  },
  {
    name: "https to a server of plain http, unchecked",
    options: ({ plain }) => tls(plain, { insecure: true }),
    error: wrongScheme(({ plain }) => plain, "https"),
  },
  ...(["trusted", "goTls", "silentTls"] as const).flatMap((to): Case[] => [
    {
      name: `http to a server of TLS: ${to}`,
      options: (world) => ({ name: `http://${world[to].host}/app` }),
      error: wrongScheme((world) => world[to], "http"),
    },
    {
      name: `plainHttp to a server of TLS: ${to}`,
      options: (world) => ({
        name: `${world[to].host}/app`,
        hosts: { [world[to].host]: { plainHttp: true } },
      }),
      error: wrongScheme((world) => world[to], "http"),
    },
    { name: `https to a server of TLS: ${to}`, options: (world) => tls(world[to]) },
  ]),
  {
    name: "http to what ends every connection: the network's error, tried again",
    options: ({ nothing }) => ({ name: `http://${nothing.host}/app` }),
    error: ({ nothing: { host } }) => ({
      code: "NETWORK",
      message: [`Cannot start an upload to ${host}/app: the connection to ${host} failed: `],
      retries: 4,
    }),
  },
  {
    name: "https to what ends every connection",
    options: ({ nothing }) => ({ name: `https://${nothing.host}/app` }),
    error: ({ nothing: { host } }) => ({
      code: "NETWORK",
      message: [` to ${host}/app: the connection to ${host} failed: `],
      retries: 4,
    }),
  },
  {
    name: "a name that has no address",
    options: () => ({ name: "https://registry.invalid/app" }),
    error: () => ({
      code: "NETWORK",
      message: [
        " to registry.invalid/app: the connection to registry.invalid:443 failed: the name has no " +
        "address: check how it is spelled, and this machine's DNS (",
      ],
    }),
  },
  ...(["http", "https"] as const).map((scheme): Case => ({
    name: `${scheme} where nothing listens`,
    options: () => ({ name: `${scheme}://127.0.0.1:${FREE_PORT}/app` }),
    error: () => ({
      code: "NETWORK",
      message: [
        ` to 127.0.0.1:${FREE_PORT}/app: the connection to 127.0.0.1:${FREE_PORT} failed: nothing ` +
        "listens there: check the port, and whether the registry runs (",
      ],
      retries: 4,
    }),
  })),
];

const url = ({ host }: { host: string }, login = "") => `http://${login}${host}`;

const PROXIES: Case[] = [
  {
    name: "https through a proxy",
    options: ({ trusted, proxy }) => ({ ...tls(trusted), proxy: url(proxy) }),
    through: ({ trusted, proxy }) => [proxy, trusted],
  },
  {
    name: "http through a proxy",
    options: ({ plain, proxy }) => ({ name: url(plain) + "/app", proxy: url(proxy) }),
    through: ({ plain, proxy }) => [proxy, plain],
  },
  {
    name: "https through one host's proxy",
    options: ({ trusted, proxy }) => tls(trusted, { proxy: url(proxy) }),
    through: ({ trusted, proxy }) => [proxy, trusted],
  },
  {
    name: "https through a proxy, unchecked",
    options: ({ expired, proxy }) => ({ ...tls(expired, { insecure: true }), proxy: url(proxy) }),
    through: ({ expired, proxy }) => [proxy, expired],
  },
  {
    name: "a client certificate through a proxy",
    options: ({ wantsClient, proxy }) => ({
      ...tls(wantsClient, pair(client)),
      proxy: url(proxy),
    }),
    through: ({ wantsClient, proxy }) => [proxy, wantsClient],
  },
  {
    name: "https through a proxy over TLS",
    options: ({ trusted, tlsProxy }) => ({
      name: `https://${trusted.host}/app`,
      proxy: `https://${tlsProxy.host}`,
      hosts: { [trusted.host]: { ca }, [tlsProxy.host]: { ca } },
    }),
    through: ({ trusted, tlsProxy }) => [tlsProxy, trusted],
  },
  {
    name: "http through a proxy over TLS",
    options: ({ plain, tlsProxy }) => ({
      name: url(plain) + "/app",
      proxy: `https://${tlsProxy.host}`,
      hosts: { [tlsProxy.host]: { ca } },
    }),
    through: ({ plain, tlsProxy }) => [tlsProxy, plain],
  },
  ...(["trusted", "plain"] as const).flatMap((to): Case[] => [
    {
      name: `${to}: a proxy that wants a login`,
      options: (world) => ({
        ...tls(world[to]),
        name: `${to === "plain" ? "http" : "https"}://${world[to].host}/app`,
        proxy: url(world.loginProxy, `me:${PROXY_PASSWORD}@`),
      }),
      through: (world) => [world.loginProxy, world[to]],
    },
    {
      name: `${to}: a proxy that gets a wrong login`,
      options: (world) => ({
        ...tls(world[to]),
        name: `${to === "plain" ? "http" : "https"}://${world[to].host}/app`,
        proxy: url(world.loginProxy, `you:${PROXY_PASSWORD}@`),
      }),
      error: ({ loginProxy: { host } }) => ({
        code: "PROXY_FAILED",
        message: [`the proxy ${host} cannot be used`, "407", "user:password"],
        proxy: host,
        statusCode: 407,
        retries: 0,
      }),
    },
    {
      name: `${to}: a proxy that is down`,
      options: (world) => ({
        ...tls(world[to]),
        name: `${to === "plain" ? "http" : "https"}://${world[to].host}/app`,
        proxy: "http://127.0.0.1:1",
      }),
      error: () => ({
        code: "PROXY_FAILED",
        message: ["the proxy 127.0.0.1:1 cannot be used: "],
        proxy: "127.0.0.1:1",
        retries: 4,
      }),
    },
  ]),
  {
    name: "noProxy names the host",
    options: ({ trusted }) => ({
      ...tls(trusted),
      proxy: { url: "http://127.0.0.1:1", noProxy: "127.0.0.0/8" },
    }),
  },
  {
    name: "the host's own proxy is none",
    options: ({ trusted }) => ({ ...tls(trusted, { proxy: false }), proxy: "http://127.0.0.1:1" }),
  },
];

const byName = ({ named }: World): RegistryClientOpts =>
  tls({ host: `registry.test:${named.port}` });

const ENVIRONMENT: Case[] = [
  {
    name: "HTTPS_PROXY is obeyed",
    env: ({ proxy }) => ({ HTTPS_PROXY: url(proxy) }),
    options: byName,
    through: ({ named, proxy }) => [proxy, named],
  },
  {
    name: "all_proxy is obeyed, for http too, and NO_PROXY of others does not matter",
    env: ({ proxy }) => ({ all_proxy: proxy.host, NO_PROXY: "example.com" }),
    options: ({ plain }) => ({ name: `http://registry.test:${plain.port}/app` }),
    through: ({ plain, proxy }) => [proxy, plain],
  },
  {
    name: "HTTPS_PROXY does not matter to this machine",
    env: () => ({ HTTPS_PROXY: "http://127.0.0.1:1", HTTP_PROXY: "http://127.0.0.1:1" }),
    options: ({ trusted }) => tls(trusted),
  },
  {
    name: "HTTPS_PROXY does not matter where the proxy is given",
    env: () => ({ HTTPS_PROXY: "http://127.0.0.1:1", NO_PROXY: "*" }),
    options: (world) => ({ ...byName(world), proxy: url(world.proxy) }),
    through: ({ named, proxy }) => [proxy, named],
  },
  {
    name: "HTTP_PROXY does not matter where a web server runs the program",
    untouched: true,
    env: ({ proxy }) => ({ HTTP_PROXY: url(proxy), REQUEST_METHOD: "GET" }),
    options: () => ({ name: "http://registry.test:1/app", retry: { maxAttempts: 1 } }),
    error: () => ({ code: "NETWORK", message: ["registry.test:1"], retries: 0 }),
  },
  {
    name: "HTTPS_PROXY is obeyed where it may not be read, certificates of its own too",
    only: ["deno"],
    without: "env",
    env: ({ proxy }) => ({ HTTPS_PROXY: url(proxy) }),
    options: byName,
    through: ({ named, proxy }) => [proxy, named],
  },
  {
    name: "HTTP_PROXY is obeyed where it may not be read",
    only: ["deno"],
    without: "env",
    env: ({ proxy }) => ({ HTTP_PROXY: url(proxy) }),
    options: ({ plain }) => ({ name: `http://registry.test:${plain.port}/app` }),
    through: ({ plain, proxy }) => [proxy, plain],
  },
];

function check(world: World, { error, through, untouched }: Case, outcome: Outcome): void {
  assert(!outcome.shown.includes(PROXY_PASSWORD), outcome.shown);
  assert(!outcome.shown.includes(LOGIN.slice(6)), outcome.shown);
  const expected = error?.(world);
  if (expected === undefined) {
    assertEquals(outcome.error, undefined);
    const sizes = Object.values(world).flatMap((server) =>
      "headers" in server ? server.headers : []
    )
      .filter((headers) => headers["content-length"] === String(SIZE));
    assertEquals(sizes.length, 3, "an upload came without its Content-Length");
  } else {
    const { message, retries, ...fields } = expected;
    for (const word of message) assertStringIncludes(String(outcome.error?.message), word);
    for (const [name, value] of Object.entries(fields)) {
      assertEquals(outcome.error?.[name], value, name);
    }
    if (retries !== undefined) assertEquals(outcome.retries, retries, "retries");
  }
  if (untouched) assertEquals(world.proxy.asked, []);
  if (through === undefined) return;
  const [proxy, host] = through(world);
  assert(proxy.asked.length > 0, "the proxy was asked for nothing");
  assertEquals(direct(host, proxy), 0, "the host was reached around the proxy");
  assert(proxy.sent >= 3 * SIZE, `the proxy saw ${proxy.sent} bytes of the uploads`);
  const leaked = host.headers.filter((headers) => headers["proxy-authorization"] !== undefined);
  assertEquals(leaked, [], "the proxy's login went to the host");
}

const folder = await Deno.makeTempDir({ prefix: "davit_hosts_" });
const program = await bundleClient(folder);
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

function act(world: World, one: Case): Act {
  return { options: one.options(world) };
}

for (const runtime of RUNTIMES) {
  Deno.test({ name: `hosts on ${runtime.name}`, ignore: runtime.ignore }, async (t) => {
    const cases = [...CERTIFICATES, ...PROXIES, ...SCHEMES];
    const worlds = await Promise.all(cases.map(startWorld));
    const outcomes = await runActs(runtime, program, cases.map((one, at) => act(worlds[at]!, one)));
    for (const [at, one] of cases.entries()) {
      await t.step(one.name, () => check(worlds[at]!, one, outcomes[at]!));
    }
    await Promise.all(worlds.map(stop));
  });

  Deno.test(
    { name: `proxies of the environment on ${runtime.name}`, ignore: runtime.ignore },
    async (t) => {
      const cases = ENVIRONMENT.filter(({ only }) => only?.includes(runtime.name) ?? true);
      const worlds = await Promise.all(cases.map(startWorld));
      const outcomes = await Promise.all(cases.map((one, at) => {
        const settings = {
          ...(one.without && { without: one.without }),
          env: one.env?.(worlds[at]!) ?? {},
        };
        return runActs(runtime, program, [act(worlds[at]!, one)], settings);
      }));
      for (const [at, one] of cases.entries()) {
        await t.step(one.name, () => check(worlds[at]!, one, outcomes[at]![0]!));
      }
      await Promise.all(worlds.map(stop));
    },
  );
}
