/** A table of things: filter, pages, sorting, choice, and what it says when it has no rows. */

import { useCollection } from "@cloudscape-design/collection-hooks";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import type { ReactNode } from "react";
import type { Live } from "../live/query.ts";
import { text } from "../strings/index.ts";
import { Empty, Failed } from "./states.tsx";
import { useNarrow } from "./width.ts";

/** A column; those that are not `narrow` are left out where there is no room. */
export type Column<T> = TableProps.ColumnDefinition<T> & { id: string; narrow?: boolean };

interface ListProps<T> {
  live: Live<T[]>;
  title: string;
  description?: ReactNode;
  columns: readonly Column<T>[];
  idOf: (item: T) => string;
  /** What the filter looks at; without it there is no filter. */
  search?: (item: T) => string;
  filterLabel?: string;
  empty: { title: string; says?: string; action?: ReactNode };
  actions?: ReactNode | ((chosen: T[]) => ReactNode);
  choice?: "single" | "multi";
  /** Column that the list is sorted by at first. */
  sortedBy?: string;
  descending?: boolean;
  variant?: TableProps.Variant;
  nameOf?: (item: T) => string;
  /** Hears which rows are on the screen. */
  pageSize?: number;
}

const PAGE_ROWS = 25;

/** Shows a list. */
export function List<T>(props: ListProps<T>) {
  const { live, columns, idOf, empty, choice, nameOf = idOf } = props;
  const narrow = useNarrow();
  const sorted = columns.find((column) => column.id === props.sortedBy);
  const search = props.search;
  const collection = useCollection(live.data ?? [], {
    filtering: {
      filteringFunction: (item, wanted) => search === undefined || matches(search(item), wanted),
      empty: <Empty {...empty} />,
      noMatch: <NoMatch clear={() => collection.actions.setFiltering("")} />,
    },
    pagination: { pageSize: props.pageSize ?? PAGE_ROWS },
    sorting:
      sorted === undefined ? {} : { defaultState: { sortingColumn: sorted, isDescending: props.descending ?? false } },
    selection: { keepSelection: true, trackBy: idOf },
  });
  const chosen = collection.collectionProps.selectedItems ?? [];
  const failed = live.data === undefined && live.error !== undefined;
  const total = live.data === undefined ? undefined : `(${live.data.length}${live.partial ? "+" : ""})`;
  const many = (live.data?.length ?? 0) > (props.pageSize ?? PAGE_ROWS);
  const actions = typeof props.actions === "function" ? props.actions([...chosen]) : props.actions;
  return (
    <Table
      {...collection.collectionProps}
      items={collection.items}
      columnDefinitions={columns.filter((column) => !narrow || column.narrow === true)}
      trackBy={idOf}
      variant={props.variant ?? "container"}
      wrapLines={narrow}
      loading={live.loading}
      loadingText={text.common.loading}
      selectionType={choice}
      ariaLabels={{
        tableLabel: props.title,
        selectionGroupLabel: text.list.choice,
        allItemsSelectionLabel: () => text.list.chooseAll,
        itemSelectionLabel: (_, item) => text.list.choose(nameOf(item as T)),
      }}
      empty={failed ? <Failed error={live.error} retry={live.reload} /> : collection.collectionProps.empty}
      header={
        <Header
          variant={props.variant === "full-page" ? "h1" : "h2"}
          counter={total}
          description={props.description}
          actions={actions}
        >
          {props.title}
        </Header>
      }
      filter={
        search === undefined || failed ? undefined : (
          <TextFilter
            {...collection.filterProps}
            filteringPlaceholder={props.filterLabel ?? text.list.find}
            filteringAriaLabel={props.filterLabel ?? text.list.find}
            countText={text.list.matches(collection.filteredItemsCount ?? 0)}
          />
        )
      }
      pagination={many ? <Pagination {...collection.paginationProps} ariaLabels={text.list.pages} /> : undefined}
    />
  );
}

function NoMatch({ clear }: { clear: () => void }) {
  return (
    <Box textAlign="center" padding="l">
      <p>{text.list.noMatch}</p>
      <Button onClick={clear}>{text.list.clear}</Button>
    </Box>
  );
}

/** Says whether a text has all words that are looked for. */
export function matches(content: string, wanted: string): boolean {
  const lower = content.toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}
