import type { RetryPolicy } from "./retry_policy.ts";
import type { DavitEvent } from "../events.ts";
import type { OpenBody } from "../content/body.ts";
import type { Limits } from "../content/limits.ts";
import type { HeaderFields } from "./header_fields.ts";

/** What a request wants to do with a repository, in the words of the token specification. */
export type Action = "pull" | "push" | "delete";

/**
 * What a request is for. `authorize` turns it into scopes; endpoints know nothing of tokens.
 */
export interface Intent {
  /** The repository; without one the request is about the registry: ping and the catalog. */
  repository?: string;
  /** What is done there. */
  actions: readonly Action[];
  /** The repository a mount takes its blob from. */
  mountFrom?: string;
  /** Whether this is the catalog, which has a scope of its own. */
  catalog?: boolean;
}

/** Why davit wants to talk to a host: asked of `allowHost` before any connection. */
export type HostPurpose =
  | "registry"
  | "mirror"
  | "realm"
  | "redirect"
  | "upload"
  | "link"
  | "foreign";

/** A request as the channel sees it. */
export interface ChannelRequest {
  /** The method. */
  method: string;
  /** Where to. */
  url: URL;
  /** Headers; middleware copies, and never writes to these. */
  headers: HeaderFields;
  /** The body. */
  body?: OpenBody;
  /** What the request is for; without one it is sent without credentials. */
  intent?: Intent;
  /** Why this host is talked to. */
  purpose: HostPurpose;
  /** The host's addresses, where they were checked: no others may be connected to. */
  addresses?: readonly string[];
  /** Whether the request may be sent again after a fault: a chunk must not. @default {true} */
  repeatable?: boolean;
  /** Whether the response's body may be large: a blob. @default {false} */
  large?: boolean;
  /** Whether redirects are followed. @default {"follow"} */
  redirect?: "follow" | "manual";
  /** What is being done, for messages: "pull the blob sha256:… from library/alpine". */
  what: string;
  /** Ends the request. */
  signal?: AbortSignal;
}

/** Why a request carried no credentials. */
export interface Anonymity {
  /** In words, for messages; it holds no secret. */
  reason: string;
  /** What went wrong before. */
  cause?: unknown;
}

/** A response as the channel sees it. */
export interface ChannelResponse {
  /** The final response. Its body has not been read. */
  response: Response;
  /** The URL that answered, after redirects. */
  url: URL;
  /** The responses that redirected, in order; their bodies are gone. */
  hops: Response[];
  /** Whether the runtime's `fetch` can move the body into another request without JavaScript. */
  movable?: boolean;
  /** With a 401 or 403: why the request was anonymous. */
  anonymity?: Anonymity;
  /** With a 401 or 403: whose credentials it carried, in words, for messages. */
  carried?: string;
}

/** Sends a request. */
export type Send = (request: ChannelRequest) => Promise<ChannelResponse>;

/** Something on the way between an endpoint and the wire. */
export type Middleware = (next: Send) => Send;

/** Time, so that tests need not wait. */
export interface Clock {
  /** The time now, in milliseconds. */
  now(): number;
  /** Waits; throws the signal's reason when it aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/**
 * What a registry can do, as it has shown: one record for all its repositories. A fact is written
 * once it is certain, and stays. It decides what is tried first, never what is right.
 */
export interface RegistryCapabilities {
  /** Whether a POST with a body and a digest finishes an upload (end-4b). */
  singlePost?: boolean;
  /** The chunks, in bytes, that were taken where larger ones were refused. */
  maxChunk?: number;
  /** Larger than this, in bytes, a blob was refused in one request, and taken in chunks. */
  maxBody?: number;
  /** Whether an upload may come in several chunks: Google's registries take one request. */
  chunks?: boolean;
  /** Whether a whole body may come in one PATCH without a `Content-Range` (end-5). */
  wholePatch?: boolean;
  /** Whether a body that nothing here can watch, as it is moved natively, came through. */
  native?: boolean;
  /** Whether the registry says how far an upload is (end-13): ECR does not. */
  uploadStatus?: boolean;
  /**
   * What a stream was refused for that could not be sent again: nothing is certain before the next
   * upload lands another way.
   */
  suspected?: RegistryCapabilities;
  /** Whether blobs are mounted from a repository that is named (end-11). */
  mount?: boolean;
  /** Whether blobs are mounted from whichever repository has them (end-11). */
  mountFromAny?: boolean;
  /** Whether the referrers API is there (end-12). */
  referrersApi?: boolean;
  /** Repositories in which an OCI-Subject answer was checked and found true; a thousand at most. */
  trustedSubject?: Set<string>;
  /** Whether its lists of referrers lacked some that were pushed at the same time. */
  forgetsReferrers?: boolean;
}

/** A registry as the endpoints see it: somewhere to send requests, and what goes with it. */
export interface Channel {
  /** The registry's origin: `https://ghcr.io`. */
  readonly origin: string;
  /** Sends a request through all middleware. */
  readonly send: Send;
  /** Whether a request's body can be streamed: not so in most browsers. */
  readonly streams: boolean;
  /** The limits in force. */
  readonly limits: Required<Limits>;
  /** How often, and after which wait, something is tried again. */
  readonly retry: RetryPolicy;
  /** Time. */
  readonly clock: Clock;
  /** What this registry can do. */
  readonly capabilities: RegistryCapabilities;
  /** Tells an event. */
  emit(event: DavitEvent): void;
  /** What was sent of late, which another end's words may repeat. @default {they are shown as they are} */
  readonly secrets?: { kept?: object };
}

/** Puts middleware around a sender: the first one named sees a request first. */
export function compose(...middleware: Middleware[]): (send: Send) => Send {
  return (send) => middleware.reduceRight((next, wrap) => wrap(next), send);
}

/** Whether a body is neither bytes in memory nor a blob: what sends it reads a stream. */
export function isStreamed(body: OpenBody | undefined): body is OpenBody {
  return body !== undefined && body.bytes === undefined && body.blob === undefined;
}
