"use strict";
// Sorts the table by the column whose heading is clicked, the other way round the second time.
const table = document.getElementById("board");
const body = table.tBodies[0];
const headings = Array.from(table.tHead.rows[0].cells);

function valueOf(row, column) {
  const text = row.cells[column].dataset.v;
  const number = Number(text);
  return text !== "" && Number.isFinite(number) ? number : text.toLowerCase();
}

function compare(a, b) {
  if (typeof a === typeof b) {
    return typeof a === "number" ? a - b : a.localeCompare(b);
  }
  return typeof a === "number" ? -1 : 1;
}

function sortBy(column) {
  const heading = headings[column];
  const rising = heading.getAttribute("aria-sort") !== "ascending";
  const rows = Array.from(body.rows);
  rows.sort((one, other) => compare(valueOf(one, column), valueOf(other, column)));
  body.append(...(rising ? rows : rows.reverse()));
  headings.forEach((each) => each.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
  // Brackets of tied groups mean something in the order of the ranks only.
  table.classList.toggle("mixed", !(column === 0 && rising));
}

headings.forEach((heading, column) => {
  const button = heading.querySelector("button");
  if (button && body.rows[0] && body.rows[0].cells.length > 1) {
    button.addEventListener("click", () => sortBy(column));
  }
});
