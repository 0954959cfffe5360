import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Source maps are made for whoever keeps them, without a line in the scripts that points at them;
// the image removes them.
export default defineConfig({
  plugins: [react()],
  build: { outDir: "build", sourcemap: "hidden" },
  server: { host: true, port: 3000 },
});
