import type { RegistryCapabilities } from "../transport/channel.ts";
import type { UploadSource } from "./upload_source.ts";

/**
 * What an upload starts from: nothing, or what a stream was refused for before it, where this body
 * would be refused too. It is sent the other way then, and shows whether that was the reason.
 */
export function suspicionOf(
  capabilities: RegistryCapabilities,
  { size = 0, digest }: UploadSource,
): RegistryCapabilities {
  const { suspected = {} } = capabilities;
  const { maxBody = Infinity, wholePatch, native } = suspected;
  const others = wholePatch !== false || digest !== undefined;
  if (size <= maxBody && others && native !== false) return {};
  delete capabilities.suspected;
  return suspected;
}

/**
 * Makes known what an upload was refused for, as it has landed in another way. Before that a refusal
 * may be about a quota that is spent, or a registry that restarts.
 */
export function learnFindings(
  capabilities: RegistryCapabilities,
  found: RegistryCapabilities,
  whole: boolean,
): void {
  const { maxBody = Infinity, maxChunk = Infinity, chunks, ...facts } = found;
  Object.assign(capabilities, facts);
  if (whole) {
    if (chunks !== undefined) capabilities.chunks = chunks;
    return; // and no size was too large
  }
  if (maxBody < (capabilities.maxBody ?? Infinity)) capabilities.maxBody = maxBody;
  if (maxChunk < (capabilities.maxChunk ?? Infinity)) capabilities.maxChunk = maxChunk;
}
