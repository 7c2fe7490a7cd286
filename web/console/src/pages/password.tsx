/** A person's own password. */

import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type FormEvent, useState } from "react";
import { site } from "../api/site.ts";
import type { Session } from "../api/types.ts";
import { useValue } from "../live/value.ts";
import { text } from "../strings/index.ts";
import { useAction } from "../ui/action.ts";
import { ProblemAlert } from "../ui/states.tsx";
import { signedIn, who } from "../who.ts";

const says = text.password;
const LEAST = 10;

/** The page. */
export default function PasswordPage() {
  const session = useValue(who);
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const action = useAction();
  const needed = session?.needsCurrentPassword === true;
  const short = next !== "" && next.length < LEAST;
  const differs = again !== "" && again !== next;
  const fault = (field: string): string | undefined =>
    action.problem?.field === field ? action.problem.says : undefined;
  const change = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const body = needed ? { current, new: next } : { new: next };
    if (await action.run(async () => signedIn(await site.post<Session>("password", body)), says.done)) {
      setCurrent("");
      setNext("");
      setAgain("");
    }
  };
  return (
    <form onSubmit={(event) => void change(event)}>
      <Form
        header={
          <Header variant="h1" description={says.says}>
            {session?.hasPassword === true ? text.shell.changePassword : text.shell.setPassword}
          </Header>
        }
        actions={
          <Button
            variant="primary"
            formAction="submit"
            loading={action.busy}
            disabled={next.length < LEAST || again !== next || (needed && current === "")}
          >
            {text.common.save}
          </Button>
        }
      >
        <Container>
          <SpaceBetween size="m">
            {action.problem?.field === undefined ? <ProblemAlert problem={action.problem} /> : null}
            {needed ? (
              <FormField label={says.current} errorText={fault("current")}>
                <Input
                  type="password"
                  value={current}
                  autoComplete="current-password"
                  onChange={({ detail }) => setCurrent(detail.value)}
                />
              </FormField>
            ) : null}
            <FormField
              label={says.new}
              description={says.rule(LEAST)}
              errorText={fault("new") ?? (short ? says.rule(LEAST) : undefined)}
            >
              <Input
                type="password"
                value={next}
                autoComplete="new-password"
                onChange={({ detail }) => setNext(detail.value)}
              />
            </FormField>
            <FormField label={says.again} errorText={differs ? says.differs : undefined}>
              <Input
                type="password"
                value={again}
                autoComplete="new-password"
                onChange={({ detail }) => setAgain(detail.value)}
              />
            </FormField>
          </SpaceBetween>
        </Container>
      </Form>
    </form>
  );
}
