/** Something that is shown once: text to copy or to keep as a file. */

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import { text } from "../strings/index.ts";

/** A text with a button that copies it. */
export function Copied({ label, value, secret = false }: { label: string; value: string; secret?: boolean }) {
  return (
    <div>
      <Box variant="awsui-key-label">{label}</Box>
      <div className={secret ? "copied secret" : "copied"}>
        <CopyToClipboard
          variant="inline"
          textToCopy={value}
          copyButtonAriaLabel={text.common.copyOf(label)}
          copySuccessText={text.common.copied}
          copyErrorText={text.common.notCopied}
        />
      </div>
    </div>
  );
}

/** Lines of code with a button that copies them. */
export function Code({ label, value }: { label: string; value: string }) {
  return (
    <div className="code">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <section aria-label={label} tabIndex={0}>
        <pre>{value}</pre>
      </section>
      <CopyToClipboard
        variant="icon"
        textToCopy={value}
        copyButtonAriaLabel={text.common.copyOf(label)}
        copySuccessText={text.common.copied}
        copyErrorText={text.common.notCopied}
      />
    </div>
  );
}

/** Gives a text to the browser as a file. */
export function saveAs(name: string, content: string, type = "text/plain"): void {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The download has begun by the next task.
  setTimeout(() => URL.revokeObjectURL(address));
}

/** A button that keeps a text as a file. */
export function SaveButton({
  name,
  content,
  type,
  children,
}: {
  name: string;
  content: string;
  type?: string;
  children: string;
}) {
  return (
    <Button iconName="download" onClick={() => saveAs(name, content, type)}>
      {children}
    </Button>
  );
}
