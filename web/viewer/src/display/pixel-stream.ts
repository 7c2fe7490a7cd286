/**
 * The pixel stream: one zstd stream a connection, cut at flush points. The fast decoder is the original one compiled to
 * WebAssembly; where WebAssembly is switched off, a JavaScript one takes its place.
 */

import { Decompress } from "fzstd";
import { LIMIT, ProtocolError } from "./protocol.ts";

/** Decodes the sections of a pixel stream in order. */
export interface PixelStream {
  /** Which decoder this is, for the statistics. */
  readonly name: string;
  /**
   * Decodes one section into exactly `rawLength` bytes, at most `LIMIT.rawBytes`. The bytes may be changed by the
   * caller and are valid until the next call.
   */
  decode(section: Uint8Array, rawLength: number, newStream: boolean): Uint8Array;
}

const ZSTD_MAGIC = 0xfd2fb528;

/** Refuses a stream whose header asks for more memory than this viewer offered, or has parts it must not have. */
function checkHeader(section: Uint8Array): void {
  if (section.byteLength < 6) {
    throw new ProtocolError("a pixel stream without a header");
  }
  const view = new DataView(section.buffer, section.byteOffset, 6);
  if (view.getUint32(0, true) !== ZSTD_MAGIC) {
    throw new ProtocolError("a pixel stream that is not zstd");
  }
  // Content size, single segment, checksum and dictionary are all absent in a stream of unknown length.
  if ((view.getUint8(4) & 0b1110_0111) !== 0) {
    throw new ProtocolError("a pixel stream with an unexpected header");
  }
  const descriptor = view.getUint8(5);
  const base = 2 ** (10 + (descriptor >> 3));
  if (base + (base / 8) * (descriptor & 7) > 2 ** LIMIT.zstdWindowLog) {
    throw new ProtocolError("a pixel stream with too large a window");
  }
}

interface ZstdExports {
  memory: WebAssembly.Memory;
  malloc(size: number): number;
  free(pointer: number): void;
  ZSTD_createDCtx(): number;
  ZSTD_freeDCtx(context: number): number;
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

/** Memory block inside the WebAssembly heap that grows and never shrinks. */
class Block {
  pointer = 0;
  private size = 0;

  constructor(private readonly zstd: ZstdExports) {}

  reserve(size: number): void {
    if (size <= this.size) {
      return;
    }
    this.zstd.free(this.pointer);
    this.size = 0;
    this.pointer = this.zstd.malloc(size);
    if (this.pointer === 0) {
      throw new Error("no memory for the picture");
    }
    this.size = size;
  }
}

/** The two buffer descriptors of ZSTD_decompressStream: pointer, size, position; 4 bytes each. */
const DESCRIPTOR_BYTES = 12;

class WasmPixelStream implements PixelStream {
  readonly name = "zstd (WebAssembly)";
  private context = 0;
  private readonly input: Block;
  private readonly output: Block;
  private readonly descriptors: number;

  constructor(private readonly zstd: ZstdExports) {
    this.input = new Block(zstd);
    this.output = new Block(zstd);
    this.descriptors = zstd.malloc(2 * DESCRIPTOR_BYTES);
  }

  decode(section: Uint8Array, rawLength: number, newStream: boolean): Uint8Array {
    this.begin(section, newStream);
    this.input.reserve(section.byteLength);
    // One byte more than expected shows a section that yields too much.
    this.output.reserve(rawLength + 1);
    const { zstd } = this;
    new Uint8Array(zstd.memory.buffer).set(section, this.input.pointer);
    const inputAt = this.descriptors;
    const outputAt = this.descriptors + DESCRIPTOR_BYTES;
    let view = new DataView(zstd.memory.buffer);
    view.setUint32(inputAt, this.input.pointer, true);
    view.setUint32(inputAt + 4, section.byteLength, true);
    view.setUint32(inputAt + 8, 0, true);
    view.setUint32(outputAt, this.output.pointer, true);
    view.setUint32(outputAt + 4, rawLength + 1, true);
    view.setUint32(outputAt + 8, 0, true);
    let consumed = 0;
    let produced = 0;
    let progress = true;
    while (progress) {
      const result = zstd.ZSTD_decompressStream(this.context, outputAt, inputAt);
      // Errors are small negative numbers; 0 says that the stream has ended, which it never does.
      if (result <= 0) {
        throw new ProtocolError("a broken pixel stream");
      }
      view = new DataView(zstd.memory.buffer);
      const nowConsumed = view.getUint32(inputAt + 8, true);
      const nowProduced = view.getUint32(outputAt + 8, true);
      progress = nowConsumed !== consumed || nowProduced !== produced;
      consumed = nowConsumed;
      produced = nowProduced;
    }
    if (consumed !== section.byteLength || produced !== rawLength) {
      throw new ProtocolError("a section of the pixel stream has a wrong length");
    }
    return new Uint8Array(zstd.memory.buffer, this.output.pointer, rawLength);
  }

  private begin(section: Uint8Array, newStream: boolean): void {
    if (newStream) {
      checkHeader(section);
      if (this.context !== 0) {
        this.zstd.ZSTD_freeDCtx(this.context);
      }
      this.context = this.zstd.ZSTD_createDCtx();
    }
    if (this.context === 0) {
      throw new ProtocolError("a pixel stream without a beginning");
    }
  }
}

class ScriptPixelStream implements PixelStream {
  readonly name = "zstd (JavaScript)";
  private stream: Decompress | undefined;
  private buffer = new Uint8Array(0);
  private produced = 0;

  decode(section: Uint8Array, rawLength: number, newStream: boolean): Uint8Array {
    if (newStream) {
      checkHeader(section);
      this.stream = new Decompress((chunk) => this.collect(chunk));
    }
    if (this.stream === undefined) {
      throw new ProtocolError("a pixel stream without a beginning");
    }
    this.buffer = new Uint8Array(rawLength);
    this.produced = 0;
    try {
      // The decoder keeps what it is given, so it gets bytes of its own.
      this.stream.push(section.slice(), false);
    } catch (error) {
      throw error instanceof ProtocolError ? error : new ProtocolError("a broken pixel stream");
    }
    if (this.produced !== rawLength) {
      throw new ProtocolError("a section of the pixel stream has a wrong length");
    }
    return this.buffer;
  }

  private collect(chunk: Uint8Array): void {
    if (this.produced + chunk.byteLength > this.buffer.byteLength) {
      throw new ProtocolError("a section of the pixel stream has a wrong length");
    }
    this.buffer.set(chunk, this.produced);
    this.produced += chunk.byteLength;
  }
}

/** Makes the JavaScript decoder. */
export function scriptPixelStream(): PixelStream {
  return new ScriptPixelStream();
}

/** Makes the WebAssembly decoder from the module in zstddec. */
export async function wasmPixelStream(module: WebAssembly.Module): Promise<PixelStream> {
  const imports = { env: { emscripten_notify_memory_growth: () => {} } };
  const instance = await WebAssembly.instantiate(module, imports);
  return new WasmPixelStream(instance.exports as unknown as ZstdExports);
}
