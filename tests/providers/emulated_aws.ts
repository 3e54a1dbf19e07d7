/**
 * Amazon's registry APIs as their documentation has them: they verify the signature of each request
 * by the text of Signature Version 4, with other code than the one that signs.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
 */
import { createHash, createHmac } from "node:crypto";

/** Whom the APIs know, and what they give. */
interface EmulatedAws {
  accessKeyId: string;
  secretAccessKey: string;
  /** Where the key is a temporary one. */
  sessionToken?: string;
  /** The password in the tokens. */
  password: string;
}

/** How old a signature may be, in milliseconds: AWS documents five minutes. */
const MAX_AGE_MS = 5 * 60_000;

const TOKEN_LIFETIME_S = 12 * 3_600;

const APIS: Record<string, { service: string; region: string; target: string }> = {
  "api.ecr.eu-central-1.amazonaws.com": {
    service: "ecr",
    region: "eu-central-1",
    target: "AmazonEC2ContainerRegistry_V20150921",
  },
  "api.ecr-public.us-east-1.amazonaws.com": {
    service: "ecr-public",
    region: "us-east-1",
    target: "SpencerFrontendService",
  },
};

/** The APIs; `repositories` holds the names that CreateRepository made. */
export function emulateAws(aws: EmulatedAws, repositories: Set<string> = new Set()) {
  return async (request: Request): Promise<Response> => {
    const { host } = new URL(request.url);
    const api = APIS[host];
    if (api === undefined) return new Response("no such host", { status: 404 });
    const body = await request.text();
    const problem = signatureProblem(aws, api, request, body);
    if (problem !== undefined) return refuse("InvalidSignatureException", problem);
    if (request.headers.get("content-type") !== "application/x-amz-json-1.1") {
      return refuse("SerializationException", "content type");
    }
    const [target, action] = (request.headers.get("x-amz-target") ?? "").split(".");
    if (target !== api.target) return refuse("UnknownOperationException", "target");
    if (action === "GetAuthorizationToken") {
      const data = {
        authorizationToken: btoa(`AWS:${aws.password}`),
        expiresAt: Date.now() / 1_000 + TOKEN_LIFETIME_S,
      };
      const isPublic = api.service === "ecr-public";
      return json({ authorizationData: isPublic ? data : [{ ...data, proxyEndpoint: "" }] });
    }
    if (action === "CreateRepository") {
      const { repositoryName } = JSON.parse(body);
      if (repositories.has(repositoryName)) {
        return refuse(
          "RepositoryAlreadyExistsException",
          `The repository ${repositoryName} exists`,
        );
      }
      repositories.add(repositoryName);
      return json({ repository: { repositoryName } });
    }
    return refuse("UnknownOperationException", "action");
  };
}

/** What is wrong with a request's signature. */
function signatureProblem(
  aws: EmulatedAws,
  { service, region }: { service: string; region: string },
  request: Request,
  body: string,
): string | undefined {
  const url = new URL(request.url);
  const authorization = request.headers.get("authorization") ?? "";
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/
      .exec(authorization);
  if (match === null) return "no signature";
  const [, id, scope, signedHeaders, signature] = match as unknown as string[];
  if (id !== aws.accessKeyId) return "unknown key";
  const time = request.headers.get("x-amz-date") ?? "";
  const iso = time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
  if (!(Math.abs(Date.now() - Date.parse(iso)) < MAX_AGE_MS)) return "Signature expired";
  const date = time.slice(0, 8);
  if (scope !== `${date}/${region}/${service}/aws4_request`) return "Credential should be scoped";
  const names = signedHeaders!.split(";");
  for (const needed of ["host", "x-amz-date", "x-amz-target"]) {
    if (!names.includes(needed)) return `${needed} must be signed`;
  }
  if ((request.headers.get("x-amz-security-token") ?? undefined) !== aws.sessionToken) {
    return "The security token included in the request is invalid";
  }
  if (aws.sessionToken !== undefined && !names.includes("x-amz-security-token")) {
    return "x-amz-security-token must be signed";
  }
  const headers = names.map((name) =>
    `${name}:${(name === "host" ? url.host : request.headers.get(name) ?? "").trim()}\n`
  );
  const canonical = [
    request.method,
    url.pathname,
    url.search.slice(1),
    headers.join(""),
    signedHeaders,
    createHash("sha256").update(body).digest("hex"),
  ].join("\n");
  const hashed = createHash("sha256").update(canonical).digest("hex");
  const toSign = ["AWS4-HMAC-SHA256", time, scope, hashed].join("\n");
  const key = [date, region, service, "aws4_request"].reduce<string | Uint8Array>(
    (last, part) => createHmac("sha256", last).update(part).digest(),
    `AWS4${aws.secretAccessKey}`,
  );
  const expected = createHmac("sha256", key).update(toSign).digest("hex");
  return signature === expected ? undefined : "The request signature does not match";
}

function json(fields: unknown, status = 200): Response {
  const headers = { "content-type": "application/x-amz-json-1.1" };
  return new Response(JSON.stringify(fields), { status, headers });
}

function refuse(type: string, message: string): Response {
  return json({ __type: type, message }, 400);
}
