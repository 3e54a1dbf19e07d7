import { assertEquals } from "@std/assert";
import { encodeText } from "./bytes.ts";
import { freeMemory, takeMemory } from "./memory.ts";

Deno.test("takeMemory: the bytes stand at the same place, and the view given has none", () => {
  const view = new Uint8Array(encodeText("xhellox").buffer, 1, 5);
  const taken = takeMemory(view);
  assertEquals(taken, encodeText("hello"));
  assertEquals([taken.byteOffset, taken.buffer.byteLength, view.byteLength], [1, 7, 0]);
});

Deno.test("takeMemory: without transfer, as on Node 20, the same", () => {
  const view = encodeText("hello");
  const { transfer } = ArrayBuffer.prototype;
  Object.assign(ArrayBuffer.prototype, { transfer: undefined });
  try {
    assertEquals(takeMemory(view), encodeText("hello"));
    assertEquals(view.byteLength, 0);
    freeMemory(view); // does nothing where nothing can be freed
  } finally {
    ArrayBuffer.prototype.transfer = transfer;
  }
});

Deno.test("takeMemory: in a worker that has neither, a copy", () => {
  const { structuredClone } = globalThis;
  const { transfer } = ArrayBuffer.prototype;
  Object.assign(ArrayBuffer.prototype, { transfer: undefined });
  Object.assign(globalThis, { structuredClone: undefined });
  try {
    assertEquals(takeMemory(encodeText("hello")), encodeText("hello"));
  } finally {
    ArrayBuffer.prototype.transfer = transfer;
    globalThis.structuredClone = structuredClone;
  }
});

Deno.test("freeMemory: nothing is left of the bytes", () => {
  const bytes = encodeText("hello");
  freeMemory(bytes);
  assertEquals(bytes.byteLength, 0);
});
