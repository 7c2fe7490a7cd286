/** Starts the console. */

import "@cloudscape-design/global-styles/index.css";
import "./style.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { followTheme } from "./theme.ts";

followTheme();
const place = document.getElementById("console");
if (place === null) {
  throw new Error("the page has no place for the console");
}
createRoot(place).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
