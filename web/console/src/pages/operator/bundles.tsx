/** Plans and their prices. */

import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Toggle from "@cloudscape-design/components/toggle";
import { useState } from "react";
import { site } from "../../api/site.ts";
import type { OperatorBundle } from "../../api/types.ts";
import { useLive } from "../../live/query.ts";
import { price, usd } from "../../logic/format.ts";
import { text } from "../../strings/index.ts";
import { Ask, FormDialog } from "../../ui/dialog.tsx";
import { type Column, List } from "../../ui/list.tsx";

const says = text.operator.bundles;

const pathOf = (bundle: OperatorBundle): string => `operator/bundles/${encodeURIComponent(bundle.id)}`;

/** The page. */
export default function BundlesPage() {
  const live = useLive("operator bundles", () => site.get<{ bundles: OperatorBundle[] }>("operator/bundles"));
  const [asks, setAsks] = useState<{ what: "change" | "reset"; bundle: OperatorBundle }>();
  const close = (): void => setAsks(undefined);
  const columns: Column<OperatorBundle>[] = [
    { id: "name", header: says.name, isRowHeader: true, narrow: true, cell: (bundle) => bundle.name },
    { id: "id", header: says.id, cell: (bundle) => <code>{bundle.id}</code> },
    { id: "size", header: says.size, cell: (bundle) => text.create.planHas(bundle.vcpus, bundle.ramGb, bundle.diskGb) },
    { id: "hour", header: says.hour, narrow: true, cell: (bundle) => price(bundle.pricePerHour) },
    { id: "month", header: says.month, cell: (bundle) => usd(bundle.pricePerMonth) },
    {
      id: "state",
      header: says.state,
      cell: (bundle) => (
        <StatusIndicator type={bundle.isActive ? "success" : "stopped"}>
          {`${bundle.isActive ? says.offered : says.notOffered}${bundle.changed ? says.changedHere : ""}`}
        </StatusIndicator>
      ),
    },
    {
      id: "actions",
      header: text.common.actions,
      narrow: true,
      cell: (bundle) =>
        bundle.changed ? (
          <ButtonDropdown
            variant="inline-icon"
            ariaLabel={text.common.actionsOf(bundle.name)}
            expandToViewport
            items={[
              { id: "change", text: says.change },
              { id: "reset", text: says.reset },
            ]}
            onItemClick={({ detail }) => setAsks({ what: detail.id as "change", bundle })}
          />
        ) : (
          <Button
            variant="icon"
            iconName="edit"
            ariaLabel={says.changeOf(bundle.name)}
            onClick={() => setAsks({ what: "change", bundle })}
          />
        ),
    },
  ];
  return (
    <>
      <List
        live={{ ...live, data: live.data?.bundles }}
        title={text.pages.bundles}
        description={says.says}
        columns={columns}
        idOf={(bundle) => bundle.id}
        variant="full-page"
        empty={{ title: says.none }}
      />
      {asks?.what === "change" ? <Change bundle={asks.bundle} close={close} /> : null}
      {asks?.what === "reset" ? (
        <Ask
          title={says.resetTitle(asks.bundle.name)}
          loses={[says.resetLoses]}
          confirm={says.reset}
          done={says.resetDone(asks.bundle.name)}
          work={() => site.delete(pathOf(asks.bundle))}
          close={close}
        />
      ) : null}
    </>
  );
}

function Change({ bundle, close }: { bundle: OperatorBundle; close: () => void }) {
  const [hour, setHour] = useState(String(bundle.pricePerHour));
  const [month, setMonth] = useState(String(bundle.pricePerMonth));
  const [isActive, setActive] = useState(bundle.isActive);
  const isPrice = (written: string): boolean =>
    written.trim() !== "" && Number.isFinite(Number(written)) && Number(written) >= 0;
  const work = () => site.put(pathOf(bundle), { pricePerHour: Number(hour), pricePerMonth: Number(month), isActive });
  return (
    <FormDialog
      title={says.changeTitle(bundle.name)}
      submit={text.common.save}
      done={says.saved(bundle.name)}
      disabled={!isPrice(hour) || !isPrice(month)}
      work={work}
      close={close}
    >
      {(fault) => (
        <>
          <FormField
            label={says.hour}
            description={says.hourSays}
            errorText={fault("pricePerHour") ?? (isPrice(hour) ? undefined : says.priceFault)}
          >
            <Input inputMode="decimal" value={hour} onChange={({ detail }) => setHour(detail.value)} />
          </FormField>
          <FormField
            label={says.month}
            description={says.monthSays}
            errorText={fault("pricePerMonth") ?? (isPrice(month) ? undefined : says.priceFault)}
          >
            <Input inputMode="decimal" value={month} onChange={({ detail }) => setMonth(detail.value)} />
          </FormField>
          <Toggle checked={isActive} onChange={({ detail }) => setActive(detail.checked)}>
            {says.offer}
          </Toggle>
        </>
      )}
    </FormDialog>
  );
}
