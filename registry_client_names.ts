import type { OptionNames } from "./content/check_options.ts";
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
export const GET_MANIFEST_OPTS: OptionNames<GetManifestOpts> = {
  ref: 1,
  platform: 1,
  acceptManifestLists: 1,
  acceptOCIManifests: 1,
  followRedirects: 1,
  ...ENDPOINT_OPTIONS,
};

/** The names of `PutManifestOpts`. */
export const PUT_MANIFEST_OPTS: OptionNames<PutManifestOpts> = {
  manifestData: 1,
  ref: 1,
  schemaVersion: 1,
  mediaType: 1,
  tags: 1,
  ...ENDPOINT_OPTIONS,
};

/** The names of `BlobUploadOpts`. */
export const BLOB_UPLOAD_OPTS: OptionNames<BlobUploadOpts> = {
  digest: 1,
  stream: 1,
  contentLength: 1,
  contentType: 1,
  ...ENDPOINT_OPTIONS,
};

/** The names of `StartBlobUploadOpts`. */
export const START_BLOB_UPLOAD_OPTS: OptionNames<StartBlobUploadOpts> = {
  mount: 1,
  digest: 1,
  data: 1,
  ...START_UPLOAD_OPTIONS,
};

/** The names of `UploadRef`. */
export const UPLOAD_REF: OptionNames<UploadRef> = { session: 1, ...ENDPOINT_OPTIONS };

/** The names of `UploadChunkOpts`. */
export const UPLOAD_CHUNK_OPTS: OptionNames<UploadChunkOpts> = { data: 1, ...UPLOAD_REF };

/** The names of `CompleteUploadOpts`. */
export const COMPLETE_UPLOAD_OPTS: OptionNames<CompleteUploadOpts> = {
  digest: 1,
  data: 1,
  ...UPLOAD_REF,
};

/** The names of `LoginOpts`. */
export const LOGIN_OPTS: OptionNames<LoginOpts> = { scope: 1, pingRes: 1, ...ENDPOINT_OPTIONS };

/** The names of `ListTagsOpts`. */
export const LIST_TAGS_OPTS: OptionNames<ListTagsOpts> = { startingAfter: 0, ...LIST_TAGS_OPTIONS };
