"use strict";
// Sorts the board by the column whose heading is clicked, the other way round the second time. It
// listens to the document, so that a board that takes the place of another is sorted as well.

function valueOf(row, column) {
  const cell = row.cells[column];
  if (cell.classList.contains("names")) {
    return cell.textContent.toLowerCase();
  }
  const number = parseFloat(cell.dataset.v ?? cell.textContent);
  return cell.classList.contains("rank") ? number : -number; // high numbers are good ones
}

function compare(one, other) {
  return typeof one === "number" ? one - other : one.localeCompare(other);
}

function sortBoard(column, rises) {
  const table = document.getElementById("board");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  rows.sort((one, other) => compare(valueOf(one, column), valueOf(other, column)));
  body.append(...(rises ? rows : rows.reverse()));
  const headings = Array.from(table.tHead.rows[0].cells);
  headings.forEach((each) => each.removeAttribute("aria-sort"));
  headings[column].setAttribute("aria-sort", rises ? "ascending" : "descending");
  // Brackets of tied groups mean something in the order of the ranks only.
  table.classList.toggle("mixed", !(column === 0 && rises));
}

document.addEventListener("click", (event) => {
  const heading = event.target.closest("#board th");
  if (heading && event.target.closest("button") && !document.querySelector("#board .empty")) {
    sortBoard(heading.cellIndex, heading.getAttribute("aria-sort") !== "ascending");
  }
});
