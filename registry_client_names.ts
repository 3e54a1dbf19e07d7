import { names, type OptionNames } from "./content/check_options.ts";
import { ENDPOINT_OPTIONS } from "./endpoints/request.ts";
import { LIST_TAGS_OPTIONS } from "./endpoints/tags.ts";
import { START_UPLOAD_OPTIONS } from "./endpoints/uploads.ts";
import type {
  BlobUploadOpts,
  CompleteUploadOpts,
  GetManifestOpts,
  ListTagsOpts,
  LoginOpts,
  PutManifestOpts,
  StartBlobUploadOpts,
  UploadChunkOpts,
  UploadRef,
} from "./registry_client_calls.ts";

/** The names of `GetManifestOpts`. */
export const GET_MANIFEST_OPTS: OptionNames<GetManifestOpts> = names(
  "ref platform acceptManifestLists acceptOCIManifests followRedirects",
  ENDPOINT_OPTIONS,
);

/** The names of `PutManifestOpts`. */
export const PUT_MANIFEST_OPTS: OptionNames<PutManifestOpts> = names(
  "manifestData ref schemaVersion mediaType tags",
  ENDPOINT_OPTIONS,
);

/** The names of `BlobUploadOpts`. */
export const BLOB_UPLOAD_OPTS: OptionNames<BlobUploadOpts> = names(
  "digest stream contentLength contentType",
  ENDPOINT_OPTIONS,
);

/** The names of `StartBlobUploadOpts`. */
export const START_BLOB_UPLOAD_OPTS: OptionNames<StartBlobUploadOpts> = names(
  "mount digest data",
  START_UPLOAD_OPTIONS,
);

/** The names of `UploadRef`. */
export const UPLOAD_REF: OptionNames<UploadRef> = names("session", ENDPOINT_OPTIONS);

/** The names of `UploadChunkOpts`. */
export const UPLOAD_CHUNK_OPTS: OptionNames<UploadChunkOpts> = names("data", UPLOAD_REF);

/** The names of `CompleteUploadOpts`. */
export const COMPLETE_UPLOAD_OPTS: OptionNames<CompleteUploadOpts> = names(
  "digest data",
  UPLOAD_REF,
);

/** The names of `LoginOpts`. */
export const LOGIN_OPTS: OptionNames<LoginOpts> = names("scope pingRes", ENDPOINT_OPTIONS);

/** The names of `ListTagsOpts`. */
export const LIST_TAGS_OPTS: OptionNames<ListTagsOpts> = { startingAfter: 0, ...LIST_TAGS_OPTIONS };
