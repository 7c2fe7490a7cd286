/** Dialogs: one that asks before something is lost, and one that holds a small form. */

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { FormEvent, ReactNode } from "react";
import { text } from "../strings/index.ts";
import { useAction } from "./action.ts";
import { ProblemAlert } from "./states.tsx";

interface AskProps {
  title: string;
  /** What will be lost, one sentence each. */
  loses: readonly ReactNode[];
  /** What stays. */
  keeps?: readonly string[];
  confirm: string;
  done: string;
  work: () => Promise<unknown>;
  close: () => void;
  children?: ReactNode;
}

/** Asks before something is lost. */
export function Ask({ title, loses, keeps = [], confirm, done, work, close, children }: AskProps) {
  const action = useAction();
  const agree = async (): Promise<void> => {
    if (await action.run(work, done)) {
      close();
    }
  };
  return (
    <Modal
      visible
      header={title}
      onDismiss={close}
      closeAriaLabel={text.common.close}
      footer={
        <Footer>
          <Button variant="link" onClick={close}>
            {text.common.cancel}
          </Button>
          <Button variant="primary" loading={action.busy} onClick={() => void agree()}>
            {confirm}
          </Button>
        </Footer>
      }
    >
      <SpaceBetween size="m">
        {loses.length === 0 ? null : (
          <Alert type="warning" header={text.common.lost}>
            <Sentences of={loses} />
          </Alert>
        )}
        {keeps.length === 0 ? null : (
          <div>
            <b>{text.common.kept}</b>
            <Sentences of={keeps} />
          </div>
        )}
        {children}
        <ProblemAlert problem={action.problem} />
      </SpaceBetween>
    </Modal>
  );
}

function Sentences({ of }: { of: readonly ReactNode[] }) {
  return (
    <ul className="sentences">
      {of.map((sentence, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the sentences of a dialog do not change places
        <li key={index}>{sentence}</li>
      ))}
    </ul>
  );
}

interface FormProps {
  title: string;
  submit: string;
  done?: string;
  disabled?: boolean;
  work: () => Promise<unknown>;
  close: () => void;
  size?: "small" | "medium" | "large";
  children: ReactNode | ((fault: (field: string) => string | undefined) => ReactNode);
}

/** A small form. `children` may ask for the fault of a field. */
export function FormDialog({ title, submit, done, disabled = false, work, close, size, children }: FormProps) {
  const action = useAction();
  const send = async (event?: FormEvent): Promise<void> => {
    event?.preventDefault();
    if (!disabled && (await action.run(work, done))) {
      close();
    }
  };
  const fault = (field: string): string | undefined =>
    action.problem?.field === field ? action.problem.says : undefined;
  const isOfField = action.problem?.field !== undefined;
  return (
    <Modal
      visible
      header={title}
      size={size ?? "medium"}
      onDismiss={close}
      closeAriaLabel={text.common.close}
      footer={
        <Footer>
          <Button variant="link" onClick={close}>
            {text.common.cancel}
          </Button>
          <Button variant="primary" loading={action.busy} disabled={disabled} onClick={() => void send()}>
            {submit}
          </Button>
        </Footer>
      }
    >
      <form onSubmit={(event) => void send(event)}>
        <SpaceBetween size="m">
          {typeof children === "function" ? children(fault) : children}
          {isOfField && typeof children === "function" ? null : <ProblemAlert problem={action.problem} />}
        </SpaceBetween>
        {/* The dialog's own button is outside of the form; Enter needs one inside. */}
        <input type="submit" hidden />
      </form>
    </Modal>
  );
}

/** A dialog that only tells something. */
export function TellDialog({
  title,
  close,
  size,
  children,
}: {
  title: string;
  close: () => void;
  size?: "medium" | "large";
  children: ReactNode;
}) {
  return (
    <Modal
      visible
      header={title}
      size={size ?? "medium"}
      onDismiss={close}
      closeAriaLabel={text.common.close}
      footer={
        <Footer>
          <Button variant="primary" onClick={close}>
            {text.common.close}
          </Button>
        </Footer>
      }
    >
      {children}
    </Modal>
  );
}

/** The buttons of a dialog. */
export function Footer({ children }: { children: ReactNode }) {
  return (
    <Box float="right">
      <SpaceBetween direction="horizontal" size="xs">
        {children}
      </SpaceBetween>
    </Box>
  );
}
