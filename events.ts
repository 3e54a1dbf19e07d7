/**
 * What davit tells while it works, through the one option `onEvent`. Nothing is printed.
 *
 * @module
 */
import type { ContentDescriptor, RateLimit } from "./errors.ts";

/** A request is about to be sent. URLs in events carry no secrets. */
export interface RequestEvent {
  /** Names the event. */
  type: "request";
  /** The request's method. */
  method: string;
  /** The request's URL, without secrets. */
  url: string;
}

/** A response's head arrived. */
export interface ResponseEvent {
  /** Names the event. */
  type: "response";
  /** The request's method. */
  method: string;
  /** The request's URL, without secrets. */
  url: string;
  /** The HTTP status. */
  status: number;
  /** From the request to the response's head, in milliseconds. */
  duration: number;
}

/** A request failed and will be sent again. */
export interface RetryEvent {
  /** Names the event. */
  type: "retry";
  /** The request's method. */
  method: string;
  /** The request's URL, without secrets. */
  url: string;
  /** The tries made so far. */
  attempt: number;
  /** The wait before the next one, in milliseconds. */
  delay: number;
  /** What went wrong. */
  reason: string;
}

/**
 * A registry, or a token service, wants no requests for a while: 429, or a `Retry-After`. Those to
 * it wait until then; told once, however many they are. The refused ones each tell a
 * {@linkcode RetryEvent} too.
 */
export interface WaitEvent {
  /** Names the event. */
  type: "wait";
  /** The host that is left alone. */
  host: string;
  /** For how long, in milliseconds. */
  delay: number;
  /** What it answered. */
  reason: string;
}

/** A transfer that broke goes on from where it was. */
export interface ResumeEvent {
  /** Names the event. */
  type: "resume";
  /** Which way the bytes go. */
  direction: "download" | "upload";
  /** The blob, where its digest is known. */
  digest?: string;
  /** The offset in bytes from which it goes on. */
  offset: number;
  /** What broke it. */
  reason: string;
}

/** Bytes moved; at most a few a second for each transfer, and one at the end. */
export interface ProgressEvent {
  /** Names the event. */
  type: "progress";
  /** Which way the bytes go. */
  direction: "download" | "upload";
  /** The blob, where its digest is known. */
  digest?: string;
  /** The repository. */
  repository: string;
  /** Bytes moved so far. */
  bytes: number;
  /** All bytes, where that is known. */
  total?: number;
  /** Whether this is the last one. */
  done: boolean;
}

/** A blob needed no transfer. */
export interface MountEvent {
  /** Names the event. */
  type: "mount";
  /** The blob. */
  digest: string;
  /** The repository that has it now. */
  repository: string;
  /** The repository it came from, where one was named. */
  from?: string;
}

/** A registry sent a `Warning` header; told once for each text. */
export interface WarningEvent {
  /** Names the event. */
  type: "warning";
  /** The registry's host. */
  host: string;
  /** The registry's words. */
  text: string;
}

/** A registry told its request quota, and it is another one than the last time. */
export interface RateLimitEvent extends RateLimit {
  /** Names the event. */
  type: "rate-limit";
  /** The registry's host. */
  host: string;
}

/** A token was asked for. */
export interface TokenEvent {
  /** Names the event. */
  type: "token";
  /** The token service, without secrets. */
  realm: string;
  /** The scopes asked for. */
  scopes: string[];
  /** Whether no credentials went along; a second event tells of those that a redirect left behind. */
  anonymous: boolean;
}

/**
 * A credential source failed, or a part of it that it goes on without; or what it gave was refused, and
 * a pull is tried without.
 */
export interface CredentialsFailedEvent {
  /** Names the event. */
  type: "credentials-failed";
  /** The registry's host, as the source was asked for it. */
  host: string;
  /** What went wrong, in the error's words, without secrets. */
  message: string;
}

/** Credentials were not sent to a place that is not the registry's own. */
export interface CredentialsWithheldEvent {
  /** Names the event. */
  type: "credentials-withheld";
  /** The registry's origin. */
  registry: string;
  /** The origin that would have had them. */
  origin: string;
  /** Why, and which option allows it. */
  reason: string;
}

/** An option was given that older clients have and that means nothing here. */
export interface OptionIgnoredEvent {
  /** Names the event. */
  type: "option-ignored";
  /** The option: `log`, `agent` or `maxSchemaVersion`. */
  option: string;
}

/** A mirror was asked in the registry's place. */
export interface MirrorEvent {
  /** Names the event. */
  type: "mirror";
  /** The registry's host. */
  registry: string;
  /** The mirror's host. */
  mirror: string;
  /** The request's method. */
  method: string;
  /** The URL asked for at the mirror, without secrets. */
  url: string;
  /** Whether its answer was taken; otherwise the next mirror is asked, at last the registry. */
  served: boolean;
  /** Why its answer was not taken. */
  reason?: string;
}

/**
 * Something in a list of referrers is of no use, and was left out: an entry that is no descriptor or
 * whose manifest is gone, or the whole fallback tag beside the list of the referrers API.
 */
export interface ReferrerSkippedEvent {
  /** Names the event. */
  type: "referrer-skipped";
  /** The repository. */
  repository: string;
  /** The digest whose referrers were listed. */
  subject: string;
  /** The entry's digest, where it has one. */
  digest?: string;
  /** Why it was left out. */
  reason: string;
}

/** Every event, as a union that `switch (event.type)` narrows. */
export type DavitEvent =
  | CredentialsFailedEvent
  | CredentialsWithheldEvent
  | MirrorEvent
  | MountEvent
  | OptionIgnoredEvent
  | ProgressEvent
  | RateLimitEvent
  | ReferrerSkippedEvent
  | RequestEvent
  | ResponseEvent
  | ResumeEvent
  | RetryEvent
  | TokenEvent
  | WaitEvent
  | WarningEvent;

/** Receives every event. It is called synchronously; what it throws is ignored. */
export type OnEvent = (event: DavitEvent) => void;

/** How much there is to copy, as far as is known. */
export interface CopyTotalEvent {
  /** Names the event. */
  type: "copy-total";
  /** How many manifests and blobs were found so far. */
  descriptors: number;
  /** Their size in bytes. */
  bytes: number;
  /** Whether everything was found. */
  final: boolean;
}

/** Content starts to move. */
export interface CopyStartEvent {
  /** Names the event. */
  type: "copy-start";
  /** The manifest or blob. */
  descriptor: ContentDescriptor;
  /** The bytes that the target has already: above 0, an earlier copy is gone on with. */
  offset: number;
}

/**
 * Bytes of a blob moved; at most a few a second for each blob. There is none of a blob that goes from
 * a registry to a registry unhashed: its body is handed over whole.
 */
export interface CopyProgressEvent {
  /** Names the event. */
  type: "copy-progress";
  /** The blob. */
  descriptor: ContentDescriptor;
  /** How many of its bytes the target has. */
  bytes: number;
}

/** A transfer of a copy failed, and is tried again. */
export interface CopyRetryEvent {
  /** Names the event. */
  type: "copy-retry";
  /** The blob. */
  descriptor: ContentDescriptor;
  /** The tries made so far. */
  attempt: number;
  /** What went wrong. */
  reason: string;
}

/** The target has some content. */
export interface CopyDoneEvent {
  /** Names the event. */
  type: "copy-done";
  /** The manifest or blob. */
  descriptor: ContentDescriptor;
  /** How it got there; `"left-out"` where it did not: a foreign layer that the source lacks, say. */
  how: "copied" | "skipped" | "mounted" | "left-out";
}

/** A reference names the copy. */
export interface CopyTagEvent {
  /** Names the event. */
  type: "copy-tag";
  /** The tag. */
  reference: string;
  /** What it names. */
  descriptor: ContentDescriptor;
}

/** Every event of a copy, as a union that `switch (event.type)` narrows. */
export type CopyEvent =
  | CopyDoneEvent
  | CopyProgressEvent
  | CopyRetryEvent
  | CopyStartEvent
  | CopyTagEvent
  | CopyTotalEvent;
