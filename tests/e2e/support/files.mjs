/** The panel of files in the viewer as a person sees it. */

import { readFile } from "node:fs/promises";
import { until } from "./wait.mjs";

export class FilesPanel {
  constructor(page) {
    this.page = page;
    this.panel = page.getByRole("region", { name: "Files" });
    this.entries = this.panel.getByRole("list", { name: "In this folder" });
    this.uploads = this.panel.getByRole("list", { name: "Uploads" });
  }

  /** Opens the menu, which may be open already. */
  async menu() {
    await this.page.evaluate(() => document.getElementById("keys").focus());
    await this.page.keyboard.press("Control+Alt+Shift+KeyM");
  }

  /** Opens the panel from the menu and waits until it lists a folder. */
  async open() {
    await this.menu();
    await this.page.getByRole("button", { name: "Files", exact: true }).click();
    await this.panel.getByText(/ free\./).waitFor();
  }

  /** The button of an entry. */
  entry(name) {
    return this.entries.getByRole("button", { name, exact: false });
  }

  /** Goes into a folder of the one shown. */
  async enter(name) {
    await this.entry(name).click();
    await this.panel.getByRole("navigation", { name: "Folder" }).getByRole("button", { name }).waitFor();
  }

  /** Names shown. */
  names() {
    return this.entries.locator(".name").allTextContents();
  }

  /** Picks files as in the browser's own dialog. */
  async choose(files) {
    const dialog = this.page.waitForEvent("filechooser");
    await this.panel.getByRole("button", { name: "Upload", exact: true }).click();
    await (await dialog).setFiles(files);
  }

  /** Drops files on the picture. */
  async drop(files) {
    const transfer = await this.page.evaluateHandle((given) => {
      const made = new DataTransfer();
      for (const { name, text } of given) {
        made.items.add(new File([text], name));
      }
      return made;
    }, files);
    for (const type of ["dragover", "drop"]) {
      await this.page.dispatchEvent("#stage", type, { dataTransfer: transfer });
    }
  }

  /** The newest upload: its state and what is said of it. */
  async newest() {
    const row = this.uploads.locator("li").first();
    return { state: await row.getAttribute("data-state"), about: await row.locator(".about").textContent() };
  }

  /** Waits until the newest upload is done, and gives what is said of it. */
  async done(state = "kept") {
    return until(
      `an upload that is ${state}`,
      async () => {
        const newest = await this.newest();
        return newest.state === state && newest.about;
      },
      60_000,
    );
  }

  /** Downloads a file of the folder shown and gives its name and bytes. */
  async download(name) {
    const begun = this.page.waitForEvent("download");
    await this.entry(name).click();
    const download = await begun;
    return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
  }
}
