export { type DrawnFigure, drawFigure, type Figure, writeFigures } from './figure';
export { type ReportOptions, type WrittenReport, writeReport } from './report';
