/**
 * The codes that the specification gives to a registry's errors; registries have others too.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
 */
export enum Codes {
  /** There is no such blob. */
  BlobUnknown = "BLOB_UNKNOWN",
  /** The upload went wrong. */
  BlobUploadInvalid = "BLOB_UPLOAD_INVALID",
  /** There is no such upload. */
  BlobUploadUnknown = "BLOB_UPLOAD_UNKNOWN",
  /** The bytes have another digest. */
  DigestInvalid = "DIGEST_INVALID",
  /** A manifest names a blob that is not there. */
  ManifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN",
  /** The manifest is not one. */
  ManifestInvalid = "MANIFEST_INVALID",
  /** There is no such manifest. */
  ManifestUnknown = "MANIFEST_UNKNOWN",
  /** The repository's name breaks the grammar. */
  NameInvalid = "NAME_INVALID",
  /** There is no such repository. */
  NameUnknown = "NAME_UNKNOWN",
  /** The length is not that of the content. */
  SizeInvalid = "SIZE_INVALID",
  /** Credentials are needed. */
  Unauthorized = "UNAUTHORIZED",
  /** The credentials do not allow this. */
  Denied = "DENIED",
  /** The registry does not do this. */
  Unsupported = "UNSUPPORTED",
  /** Too many requests. */
  TooManyRequests = "TOOMANYREQUESTS",
}
