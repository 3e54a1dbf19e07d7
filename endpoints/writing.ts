/** All that writes to a repository: loaded with a client's first call that does. */
export { deleteBlob } from "./blobs.ts";
export { deleteManifest, putManifest } from "./manifests.ts";
export { mountBlob } from "./mount.ts";
export { putBlob } from "./put_blob.ts";
export {
  cancelBlobUpload,
  completeBlobUpload,
  getBlobUploadStatus,
  postBlob,
  startBlobUpload,
  uploadBlobChunk,
} from "./uploads.ts";
