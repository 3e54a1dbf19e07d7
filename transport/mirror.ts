import { CertificateError, NetworkError, ProxyError, TimeoutError } from "../errors.ts";
import type { DavitEvent } from "../events.ts";
import type { Bytes } from "../content/bytes.ts";
import { hashAlgorithm, isDigest } from "../content/digest.ts";
import { digestOf } from "../content/digest_of.ts";
import type { Limits } from "../content/limits.ts";
import type { ChannelRequest, ChannelResponse, Clock, Middleware, Send } from "./channel.ts";
import { readBody } from "./read_body.ts";
import type { Mirror } from "./mirror_options.ts";
import { redactUrl } from "./redact.ts";

/** What {@linkcode mirror} works with. */
interface MirrorWork {
  /** The registry's origin. */
  origin: string;
  /** Its mirrors, in order. */
  mirrors: readonly Mirror[];
  /** Makes what sends to a mirror, when it is needed for the first time. */
  open: (mirror: Mirror) => Send;
  /** Time. */
  clock: Pick<Clock, "now">;
  /** `manifestBytes` and `stallTimeout` count here. */
  limits: Required<Limits>;
  /** Called with the mirror that served, and with each that failed. */
  emit: (event: DavitEvent) => void;
}

/**
 * How long a mirror that cannot be reached is passed over, in milliseconds: each call would wait for
 * it once more otherwise, at worst as long as a response may take.
 */
const PAUSE_MS = 30_000;

/** What registries are called whose API is elsewhere. */
const NAMES: Record<string, string> = { "registry-1.docker.io": "docker.io" };

/** A pull: `/v2/<name>/blobs/<digest>` or `/v2/<name>/manifests/<digest or tag>`. */
const PULL = /^\/v2\/(.+)\/(blobs|manifests)\/([^/]+)$/;

/**
 * Tags that clients read, change and write again: what an old copy lacks would be lost. They hold
 * the referrers of a manifest, where there is no referrers API, and cosign's signatures.
 */
const CHANGED_IN_PLACE = /^sha(?:256|512)-[a-f\d]{64,}/;

/** Asks a registry's mirrors for what it has to give, in order, and the registry at last. */
export function mirror({ origin, mirrors, open, clock, emit, limits }: MirrorWork): Middleware {
  const sends = new Map<Mirror, Send>();
  const pausedUntil = new Map<Mirror, number>();
  const written = new Set<string>();
  const { host: registry } = new URL(origin);

  /** A mirror's answer, or what speaks against it. */
  async function ask(mirror: Mirror, request: ChannelRequest): Promise<ChannelResponse | string> {
    let send = sends.get(mirror);
    if (send === undefined) {
      send = open(mirror);
      sends.set(mirror, send);
    }
    try {
      const answer = await send(request);
      if (answer.response.ok) return await checked(request, answer, limits);
      await answer.response.body?.cancel().catch(() => {});
      return `status ${answer.response.status}`;
    } catch (error) {
      if (request.signal?.aborted) throw error;
      // A refusal of one repository, or a manifest that is no good, says nothing of others.
      if (!isUnreachable(error)) return (error as Error).message;
      pausedUntil.set(mirror, clock.now() + PAUSE_MS);
      return (error as Error).message;
    }
  }

  return (next) => async (request) => {
    const { repository = "" } = request.intent ?? {};
    const writes = request.method !== "GET" && request.method !== "HEAD";
    if (writes) written.add(repository);
    const pull = writes || written.has(repository) ? undefined : pullOf(request, origin);
    if (pull === undefined) return await next(request);
    for (const mirror of mirrors) {
      if (mirror.digestsOnly && !pull.digest) continue;
      if ((pausedUntil.get(mirror) ?? 0) > clock.now()) continue;
      const asked = atMirror(request, mirror);
      if (mirror.ns) asked.url.searchParams.set("ns", NAMES[registry] ?? registry);
      const answer = await ask(mirror, asked);
      const served = typeof answer !== "string";
      emit({
        type: "mirror",
        registry,
        mirror: mirror.host,
        method: request.method,
        url: redactUrl(asked.url),
        served,
        ...(!served && { reason: answer }),
      });
      if (served) return answer;
    }
    return await next(request);
  };
}

/** Whether a mirror did not answer at all. */
function isUnreachable(error: unknown): boolean {
  return [CertificateError, NetworkError, ProxyError, TimeoutError]
    .some((unreachable) => error instanceof unreachable);
}

/** What one mirror has in the place of what was asked for; it may well have the next. */
class WrongContent extends Error {}

/**
 * A manifest, read and looked at while another mirror can still be asked. A blob's bytes are on their
 * way to the caller by then: whoever reads them verifies them.
 */
async function checked(
  request: ChannelRequest,
  answer: ChannelResponse,
  limits: Required<Limits>,
): Promise<ChannelResponse> {
  const [, , kind, reference] = PULL.exec(request.url.pathname)!;
  if (kind !== "manifests" || request.method !== "GET") return answer;
  const { response } = answer;
  const bytes = await readBody({ limits }, response, "manifestBytes", "the manifest", request);
  const asked = decodeURIComponent(reference!);
  const expected = isDigest(asked) ? asked : response.headers.get("docker-content-digest")?.trim();
  if (isDigest(expected) && /^sha(?:256|512):/.test(expected)) {
    const actual = await digestOf(bytes, hashAlgorithm(expected));
    if (actual !== expected) throw new WrongContent(`its bytes have the digest ${actual}`);
  } else if (!isJson(bytes)) {
    throw new WrongContent("what it has is no manifest");
  }
  const { status, statusText, headers } = response;
  return { ...answer, response: new Response(bytes, { status, statusText, headers }) };
}

function isJson(bytes: Bytes): boolean {
  try {
    JSON.parse(new TextDecoder().decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/** What a mirror can be asked for; `undefined` where the registry alone can answer. */
function pullOf(
  { method, url, purpose }: ChannelRequest,
  origin: string,
): { digest: boolean } | undefined {
  if (purpose !== "registry" || url.origin !== origin || url.search !== "") return undefined;
  const reference = PULL.exec(url.pathname)?.[3];
  if (reference === undefined) return undefined;
  const digest = decodeURIComponent(reference).includes(":");
  if (CHANGED_IN_PLACE.test(reference) || digest && method === "HEAD") return undefined;
  return { digest };
}

function atMirror(request: ChannelRequest, { origin, prefix }: Mirror): ChannelRequest {
  const [, name, kind, reference] = PULL.exec(request.url.pathname)!;
  return {
    ...request,
    url: new URL(`/v2/${prefix}${name}/${kind}/${reference}`, origin),
    purpose: "mirror",
    intent: { repository: `${prefix}${name}`, actions: ["pull"] },
  };
}
