import { bareMediaType, isManifestMediaType } from "../../content/media_types.ts";
import { matches } from "../../server/access/users.ts";
import type { Handler, Middleware, RequestContext } from "../../server/middleware.ts";
import { changed } from "../changed.ts";
import { errorAnswer, refusePush } from "./answer.ts";
import { ask } from "./ask.ts";
import type { QuirkOptions } from "./options.ts";

type Quirks = Pick<
  QuirkOptions,
  "immutableTags" | "unknownTypes" | "deletes" | "tagDeletes" | "repositories"
>;

/** What registries refuse of manifests, tags and repositories: end-4, end-7, end-9, end-10. */
export function manifestQuirk(options: QuirkOptions): Middleware {
  return (next) => async (context) =>
    await answerInstead(next, context, options) ?? await next(context);
}

async function answerInstead(
  next: Handler,
  context: RequestContext,
  { immutableTags, unknownTypes, deletes, tagDeletes, repositories }: Quirks,
): Promise<Response | undefined> {
  const { request: { method }, route, url } = context;
  if (route === undefined || !("repository" in route)) return undefined;
  const { kind, repository } = route;
  const tag = kind === "manifest" && !route.reference.includes(":") ? route.reference : undefined;
  if (method === "DELETE" && (kind === "manifest" || kind === "blob")) {
    if (tag !== undefined && tagDeletes !== undefined) {
      const code = tagDeletes === 400 ? "DIGEST_INVALID" : "UNSUPPORTED";
      return errorAnswer(tagDeletes, code, "a tag cannot be deleted");
    }
    if (deletes === undefined) return undefined;
    return errorAnswer(deletes, "UNSUPPORTED", "The operation is unsupported.");
  }
  const starts = kind === "uploads" && method === "POST";
  const puts = kind === "manifest" && method === "PUT";
  if ((starts || puts) && repositories?.every((known) => !matches(known, repository))) {
    return await refusePush(
      next,
      context,
      404,
      "NAME_UNKNOWN",
      `The repository with name '${repository}' does not exist`,
    );
  }
  if (!puts) return undefined;
  if (immutableTags !== undefined && tag !== undefined) {
    if ((await ask(next, context, "HEAD", url)).ok) {
      return immutable(immutableTags, repository, tag);
    }
  }
  return unknownTypes === undefined ? undefined : await sendTyped(next, context, unknownTypes);
}

/** A tag that is there, in three registries' words and codes. */
function immutable(
  whose: NonNullable<QuirkOptions["immutableTags"]>,
  repository: string,
  tag: string,
): Response {
  switch (whose) {
    case "ecr": // reported with 400: https://github.com/moby/buildkit/issues/3776
      return errorAnswer(
        400,
        "TAG_INVALID",
        `The image tag '${tag}' already exists in the '${repository}' repository and cannot be ` +
          "overwritten because the repository is immutable.",
      );
    case "harbor": // its source answers PreconditionCode: https://github.com/goharbor/harbor
      return errorAnswer(
        412,
        "PRECONDITION",
        `Failed to process request due to '${repository}:${tag}' configured as immutable.`,
      );
    case "dockerHub": // the status is reported: https://github.com/docker/hub-feedback/issues/2466
      return errorAnswer(403, "DENIED", `The tag ${tag} is immutable and cannot be changed`);
  }
}

const IMAGE_CONFIGS =
  /^application\/vnd\.(oci\.image\.config\.v1\+json|docker\.container\.image\.v1\+json)$/;

/** Refuses a manifest that is not an image's or an index; else sends on what was read of it. */
async function sendTyped(
  next: Handler,
  context: RequestContext,
  status: number,
): Promise<Response> {
  const bytes = new Uint8Array(await context.request.arrayBuffer());
  if (isImage(bytes, context.request.headers.get("content-type") ?? "")) {
    return await next(changed(context, { body: bytes }));
  }
  return await refusePush(
    next,
    changed(context, { body: null }),
    status,
    status === 415 ? "UNSUPPORTED" : "MANIFEST_INVALID",
    "manifest invalid: its media type is not known here",
  );
}

function isImage(bytes: Uint8Array, contentType: string): boolean {
  if (!isManifestMediaType(bareMediaType(contentType))) return false;
  try {
    const { config, artifactType } = JSON.parse(new TextDecoder().decode(bytes));
    if (artifactType !== undefined) return false;
    return config === undefined || IMAGE_CONFIGS.test(config.mediaType);
  } catch {
    return true; // for the registry to refuse
  }
}
