/** Address of the zstd decoder's WebAssembly module; see `vite.config.ts`. */
declare module "virtual:zstd-url" {
  const url: string;
  export default url;
}
