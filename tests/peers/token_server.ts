/**
 * A token service for the registries that tests start: the Docker token protocol by GET and by
 * OAuth2 POST, with tokens that distribution 2 and 3 accept (ES256, the certificate in `x5c`).
 */
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { SignJWT } from "jose";
import { selfSigned } from "./certificate.ts";

/** A scope that was asked for: `repository:a/b:pull,push`. */
interface Scope {
  /** `repository` or `registry`. */
  type: string;
  /** The repository's name, or `catalog`. */
  name: string;
  /** `pull`, `push`, `delete`, `*`. */
  actions: string[];
}

/** A request as the service saw it. */
interface TokenRequest {
  /** GET or POST. */
  method: string;
  /** `basic` or `anonymous` for GET; the `grant_type` of a POST. */
  grant: string;
  /** Who asked, where that was shown. */
  user?: string;
  /** The `service` asked for. */
  service: string;
  /** The scopes asked for, as they came. */
  scopes: string[];
  /** The `client_id` of a POST, or of a GET for a refresh token. */
  clientId?: string;
  /** The status answered. */
  status: number;
}

/** How the service behaves. */
export interface TokenServerOptions {
  /** Passwords by user. */
  users: Record<string, string>;
  /** Lifetime of a token in seconds; it is told as `expires_in`. @default {300} */
  expiresIn?: number;
  /** Under which names the token is answered. @default {"both"} */
  field?: "token" | "access_token" | "both";
  /** What is granted of a scope. @default {a user gets all, nobody gets nothing} */
  grant?: (user: string | undefined, scope: Scope) => string[];
  /** Whether POST is answered; without it the answer is 404. @default {true} */
  oauth2?: boolean;
}

/** A running token service. */
export interface TokenServer {
  /** Where tokens are: the challenge's `realm`. */
  realm: string;
  /** The tokens' `iss`. */
  issuer: string;
  /** The tokens' `aud`, and the only `service` that is answered. */
  service: string;
  /** The certificate in PEM, for `rootcertbundle`. */
  certificate: string;
  /** Every request so far. */
  requests: TokenRequest[];
  /** Ends the service. */
  stop(): Promise<void>;
}

const SERVICE = "davit-test-registry";
const ISSUER = "davit-test-issuer";
const EXPIRES_IN_S = 300;

/** `type:name:actions`; a name may hold colons itself (a host with its port). */
export function parseScope(text: string): Scope {
  const first = text.indexOf(":");
  const last = text.lastIndexOf(":");
  const actions = text.slice(last + 1).split(",").filter((action) => action !== "");
  return { type: text.slice(0, first), name: text.slice(first + 1, last), actions };
}

function scopesIn(values: string[]): string[] {
  return values.flatMap((value) => value.split(" ")).filter((scope) => scope !== "");
}

function basicCredentials(header: string | null): { user: string; password: string } | undefined {
  if (header === null || !/^basic /i.test(header)) return undefined;
  const text = new TextDecoder().decode(decodeBase64(header.slice(6).trim()));
  const colon = text.indexOf(":");
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Starts a token service on a free port of loopback. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const { users, expiresIn = EXPIRES_IN_S, field = "both", oauth2 = true } = options;
  const grant = options.grant ?? ((user, scope) => user === undefined ? [] : scope.actions);
  const { keys, pem, x5c } = await selfSigned();
  const requests: TokenRequest[] = [];
  const refreshTokens = new Map<string, string>();

  function refreshToken(user: string): string {
    const token = encodeBase64(crypto.getRandomValues(new Uint8Array(32)));
    refreshTokens.set(token, user);
    return token;
  }

  function sign(user: string | undefined, scopes: string[]): Promise<string> {
    const access = scopes.map(parseScope).map((scope) => ({
      ...scope,
      actions: grant(user, scope),
    }));
    return new SignJWT({ access })
      .setProtectedHeader({ alg: "ES256", typ: "JWT", x5c: [x5c] })
      .setIssuer(ISSUER).setSubject(user ?? "").setAudience(SERVICE)
      .setIssuedAt().setNotBefore("-10s").setExpirationTime(`${expiresIn}s`)
      .setJti(crypto.randomUUID())
      .sign(keys.privateKey);
  }

  async function answer(seen: TokenRequest, offline: boolean): Promise<Response> {
    const token = await sign(seen.user, seen.scopes);
    return Response.json({
      ...(field === "access_token" ? {} : { token }),
      ...(field === "token" ? {} : { access_token: token }),
      ...(offline && seen.user !== undefined ? { refresh_token: refreshToken(seen.user) } : {}),
      ...(seen.method === "POST" ? { scope: seen.scopes.join(" ") } : {}),
      expires_in: expiresIn,
      issued_at: new Date().toISOString(),
    });
  }

  function refuse(status: number, code: string, message: string): Response {
    const body = { error: code, error_description: message, errors: [{ code, message }] };
    return Response.json(body, { status });
  }

  function byGet(url: URL, request: Request, seen: TokenRequest): Response | Promise<Response> {
    const credentials = basicCredentials(request.headers.get("authorization"));
    if (credentials !== undefined) {
      seen.grant = "basic";
      seen.user = credentials.user;
      const password = users[credentials.user];
      if (password === undefined || password !== credentials.password) {
        return refuse(401, "UNAUTHORIZED", "incorrect username or password");
      }
    }
    return answer(seen, url.searchParams.get("offline_token") === "true");
  }

  function byPost(form: URLSearchParams, seen: TokenRequest): Response | Promise<Response> {
    if (!oauth2) return refuse(404, "NOT_FOUND", "there is no such page");
    if (seen.clientId === undefined) return refuse(400, "invalid_request", "no client_id");
    const offline = form.get("access_type") === "offline";
    switch (seen.grant) {
      case "password": {
        seen.user = form.get("username") ?? "";
        const password = users[seen.user];
        if (password === undefined || password !== form.get("password")) {
          return refuse(401, "invalid_grant", "incorrect username or password");
        }
        return answer(seen, offline);
      }
      case "refresh_token": {
        seen.user = refreshTokens.get(form.get("refresh_token") ?? "");
        if (seen.user === undefined) return refuse(401, "invalid_grant", "unknown refresh token");
        return answer(seen, offline);
      }
      default:
        return refuse(400, "unsupported_grant_type", `no grant type ${seen.grant}`);
    }
  }

  async function handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname !== "/token") return refuse(404, "NOT_FOUND", "there is no such page");
    const post = request.method === "POST";
    const parameters = post ? new URLSearchParams(await request.text()) : url.searchParams;
    const clientId = parameters.get("client_id") ?? "";
    const seen: TokenRequest = {
      method: request.method,
      grant: post ? parameters.get("grant_type") ?? "" : "anonymous",
      service: parameters.get("service") ?? "",
      scopes: scopesIn(parameters.getAll("scope")),
      ...(clientId === "" ? {} : { clientId }),
      status: 0,
    };
    requests.push(seen);
    const response = seen.service !== SERVICE
      ? refuse(400, "invalid_request", `no service ${seen.service}`)
      : await (post ? byPost(parameters, seen) : byGet(url, request, seen));
    seen.status = response.status;
    return response;
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handle);
  return {
    // By name: crane refuses a realm at a private address that is not the registry's own.
    realm: `http://localhost:${server.addr.port}/token`,
    issuer: ISSUER,
    service: SERVICE,
    certificate: pem,
    requests,
    stop: () => server.shutdown(),
  };
}
